//! Waiting for sockets.

use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// How long a request may stay unanswered before the run is given up. A slow
/// server needs some seconds for one answer to each of 10,000 connections.
pub(super) const STALL: Duration = Duration::from_secs(20);

/// Waits for events and puts them into `events`, as many as it has room for.
pub(super) fn wait(epoll: &OwnedFd, events: &mut Vec<epoll::Event>) -> Result<()> {
    let timeout = Timespec::try_from(STALL)?;
    events.clear();
    loop {
        match epoll::wait(epoll, spare_capacity(events), Some(&timeout)) {
            Ok(0) => bail!("the server has answered nobody for {STALL:?}"),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
