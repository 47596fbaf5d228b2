//! The PCI Express slot of a GPU, as the kernel tells it: what it can do, not what it does while nothing is sent.

use std::path::Path;

use crate::root::Root;

/// What a slot and its card can do together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Transfers a second of a lane, 1e9.
    pub gigatransfers: f64,
    /// Lanes.
    pub width: u32,
}

impl Link {
    /// Bytes a second in one direction, 1e9: transfers times lanes, less the line code (8 of 10 bits up to 5 GT/s, 128 of 130
    /// above; PCI Express Base Specification).
    #[must_use]
    pub fn gbps(self) -> f64 {
        let code = if self.gigatransfers > 5.0 { 128.0 / 130.0 } else { 0.8 };
        self.gigatransfers * f64::from(self.width) * code / 8.0
    }
}

/// That of the card at this place on the bus (`0000:9b:00.0`), and of the bridge above it; `root` is `/`.
#[must_use]
pub fn link(root: &Path, place: &str) -> Option<Link> {
    // NVML writes eight digits of the domain, and capitals.
    let place = place.to_ascii_lowercase();
    let place = place.strip_prefix("0000").filter(|rest| rest.len() == 12).unwrap_or(&place);
    let root = Root::new(root);
    let card = format!("sys/bus/pci/devices/{place}");
    let of = |folder: &str| {
        let speed = root.text(&format!("{folder}/max_link_speed"))?;
        Some(Link {
            // `32.0 GT/s PCIe`
            gigatransfers: speed.split_ascii_whitespace().next()?.parse().ok()?,
            width: root.text(&format!("{folder}/max_link_width"))?.parse().ok()?,
        })
    };
    let card_link = of(&card)?;
    // The entry is a link to the card below its bridge.
    let bridge = of(&format!("{card}/..")).unwrap_or(card_link);
    let link = Link {
        gigatransfers: card_link.gigatransfers.min(bridge.gigatransfers),
        width: card_link.width.min(bridge.width),
    };
    // Virtual machines show slots of no width.
    (link.width > 0 && link.gigatransfers > 0.0).then_some(link)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Link, link};

    #[test]
    fn a_slot_is_as_fast_as_its_slower_end() {
        let root = tempfile::tempdir().unwrap();
        let put = |folder: &str, speed: &str, width: &str| {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("max_link_speed"), speed).unwrap();
            fs::write(folder.join("max_link_width"), width).unwrap();
        };
        put("sys/devices/bridge", "16.0 GT/s PCIe\n", "16\n");
        put("sys/devices/bridge/0000:9b:00.0", "32.0 GT/s PCIe\n", "16\n");
        put("sys/devices/x/0000:9c:00.0", "32.0 GT/s PCIe\n", "0\n");
        let devices = root.path().join("sys/bus/pci/devices");
        fs::create_dir_all(&devices).unwrap();
        symlink("../../../devices/bridge/0000:9b:00.0", devices.join("0000:9b:00.0")).unwrap();
        symlink("../../../devices/x/0000:9c:00.0", devices.join("0000:9c:00.0")).unwrap();
        let found = link(root.path(), "00000000:9B:00.0").unwrap();
        assert_eq!(found, Link { gigatransfers: 16.0, width: 16 });
        assert!((found.gbps() - 31.5).abs() < 0.02, "{}", found.gbps());
        assert_eq!(link(root.path(), "0000:9c:00.0"), None, "of a virtual machine");
        assert_eq!(link(root.path(), "0000:01:00.0"), None);
    }
}
