//! The numbers by which an export names processes and threads.

/// A process or a thread of a machine: 8 bits for each of hardware and virtual machine, 24 for each of process and thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GlobalId(pub(crate) i64);

const THREAD: i64 = 0xff_ffff;

impl GlobalId {
    /// Its process.
    pub(crate) const fn process(self) -> Self {
        Self(self.0 & !THREAD)
    }

    /// The operating system's number of the process.
    pub(crate) const fn pid(self) -> i64 {
        (self.0 >> 24) & THREAD
    }

    /// The operating system's number of the thread.
    pub(crate) const fn tid(self) -> i64 {
        self.0 & THREAD
    }
}

#[cfg(test)]
mod tests {
    use super::GlobalId;

    #[test]
    fn the_parts_of_a_number() {
        // Of a real export.
        let id = GlobalId(310_028_055_214_088);
        assert_eq!((id.pid(), id.tid()), (1_701_896, 1_701_896));
        assert_eq!(id.process().0, id.0 - 1_701_896);
        assert_eq!(GlobalId(-1).pid(), 0xff_ffff);
    }
}
