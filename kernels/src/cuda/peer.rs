//! Copies between this device and each other one of the machine, timed by events.
#![expect(unsafe_code, reason = "calls into the CUDA driver")]

use cudarc::driver::{DevicePtr as _, result, sys};
use serde::Serialize;

use super::bench::Bench;
use super::driver::{Gpu, count};
use crate::{CeilingError, Rate};

const BYTES: usize = 256 << 20;

/// Copies to and from other devices, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peers {
    /// Why there are none.
    pub reason: Option<String>,
    /// One row another device.
    pub peers: Vec<Peer>,
}

/// Copies to and from one other device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peer {
    /// The other device.
    pub device: String,
    /// Whether they reach each other's memory; else copies go through the host.
    pub direct: bool,
    /// `to_peer`, `from_peer`.
    pub copies: Vec<Rate>,
}

pub(super) fn measure(bench: &Bench, ordinal: u32) -> Result<Peers, CeilingError> {
    let others = (0..count() as u32).filter(|other| *other != ordinal);
    let peers: Vec<Peer> = others.map(|other| with(bench, other)).collect::<Result<_, _>>()?;
    let reason = peers.is_empty().then(|| "this machine has one CUDA device".to_owned());
    Ok(Peers { reason, peers })
}

fn with(bench: &Bench, other: u32) -> Result<Peer, CeilingError> {
    let (gpu, peer) = (bench.gpu, Gpu::open(other)?);
    let direct = connect(gpu, &peer)? && connect(&peer, gpu)?;
    gpu.context.bind_to_thread().map_err(gpu.refused("go back to this device"))?;
    let here =
        gpu.stream.alloc_zeros::<u8>(BYTES).map_err(gpu.refused("allocate on the device"))?;
    let there =
        peer.stream.alloc_zeros::<u8>(BYTES).map_err(peer.refused("allocate on the device"))?;
    peer.stream.synchronize().map_err(peer.refused("allocate on the device"))?;
    let (here, _here) = here.device_ptr(&gpu.stream);
    let (there, _there) = there.device_ptr(&peer.stream);
    let (own, others) = (gpu.context.cu_ctx(), peer.context.cu_ctx());
    let copy = |to: (u64, sys::CUcontext), from: (u64, sys::CUcontext)| {
        gpu.context
            .bind_to_thread()
            // SAFETY: both arrays have so many bytes and are alive, each in the context that it is named with.
            .and_then(|()| unsafe {
                result::memcpy_peer_async(to.1, to.0, from.1, from.0, BYTES, gpu.stream.cu_stream())
            })
            .map_err(gpu.refused("copy between devices"))
    };
    let up = bench.on_device(&bench.figure(), || copy((there, others), (here, own)))?;
    let down = bench.on_device(&bench.figure(), || copy((here, own), (there, others)))?;
    gpu.stream.synchronize().map_err(gpu.refused("copy between devices"))?;
    let bytes = BYTES as u64;
    Ok(Peer {
        device: peer.device().to_owned(),
        direct,
        copies: vec![up.rate("to_peer", bytes), down.rate("from_peer", bytes)],
    })
}

/// Lets a device reach another's memory where it can; whether it does.
fn connect(gpu: &Gpu, peer: &Gpu) -> Result<bool, CeilingError> {
    let mut can = 0;
    gpu.context
        .bind_to_thread()
        // SAFETY: the driver writes one number into a live variable.
        .and_then(|()| unsafe {
            sys::cuDeviceCanAccessPeer(
                &raw mut can,
                gpu.context.cu_device(),
                peer.context.cu_device(),
            )
            .result()
        })
        .map_err(gpu.refused("ask for the way to another device"))?;
    if can == 0 {
        return Ok(false);
    }
    // SAFETY: the other context is alive for as long as `peer` is.
    match unsafe { sys::cuCtxEnablePeerAccess(peer.context.cu_ctx(), 0) } {
        sys::CUresult::CUDA_SUCCESS | sys::CUresult::CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED => {
            Ok(true)
        }
        error => error.result().map(|()| true).map_err(gpu.refused("reach another device")),
    }
}
