//! Users and groups, and becoming one of them.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, initgroups, setgid, setuid};

use super::Options;

/// Who workers run as, and whom files of sockets belong to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Owner {
    /// With the name, if it has one.
    user: Option<(Uid, Option<String>)>,
    group: Option<Gid>,
}

impl Owner {
    /// Looks names up. Blocks the thread.
    pub(super) fn of(options: &Options) -> io::Result<Self> {
        let mut owner = Self::default();
        if let Some(name) = &options.user {
            let found = match name.parse() {
                Ok(number) => User::from_uid(Uid::from_raw(number)),
                Err(_) => User::from_name(name),
            };
            match (found?, name.parse()) {
                (Some(user), _) => {
                    owner.group = Some(user.gid);
                    owner.user = Some((user.uid, Some(user.name)));
                }
                (None, Ok(number)) => owner.user = Some((Uid::from_raw(number), None)),
                (None, Err(_)) => return Err(unknown("user", name)),
            }
        }
        if let Some(name) = &options.group {
            owner.group = Some(match name.parse() {
                Ok(number) => Gid::from_raw(number),
                Err(_) => match Group::from_name(name)? {
                    Some(group) => group.gid,
                    None => return Err(unknown("group", name)),
                },
            });
        }
        Ok(owner)
    }

    /// Their numbers, as files know them.
    pub(super) fn ids(&self) -> (Option<u32>, Option<u32>) {
        let user = self.user.as_ref().map(|(user, _)| user.as_raw());
        (user, self.group.map(Gid::as_raw))
    }

    /// Makes this process theirs, for good, with the groups that the user is in.
    pub(super) fn assume(&self) -> io::Result<()> {
        let refused = |error: nix::Error| {
            let error = io::Error::from(error);
            let (user, group) = self.ids();
            io::Error::new(
                error.kind(),
                format!("cannot become user {user:?}, group {group:?}: {error}"),
            )
        };
        let group = self.group.filter(|group| *group != getegid());
        let user = self.user.as_ref().filter(|(user, _)| *user != geteuid());
        if let Some((_, Some(name))) = user {
            let name = CString::new(name.as_str())?;
            initgroups(&name, self.group.unwrap_or_else(getegid)).map_err(refused)?;
        } else if user.is_some() {
            nix::unistd::setgroups(&[]).map_err(refused)?;
        }
        // The group first: afterwards it is not allowed any more.
        if let Some(group) = group {
            setgid(group).map_err(refused)?;
        }
        if let Some((user, _)) = user {
            setuid(*user).map_err(refused)?;
        }
        Ok(())
    }
}

fn unknown(what: &str, name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("there is no {what} {name:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_known() {
        let root = Owner::of(&Options::new().user("root")).unwrap();
        assert_eq!(root.ids(), (Some(0), Some(0)));
        assert_eq!(Owner::of(&Options::new().user("0")).unwrap(), root);
        let other = Owner::of(&Options::new().user("54321").group("12345")).unwrap();
        assert_eq!(other.ids(), (Some(54321), Some(12345)));
        assert_eq!(Owner::of(&Options::new()).unwrap().ids(), (None, None));
        let error = Owner::of(&Options::new().user("nobody-knows-me")).unwrap_err();
        assert_eq!(error.to_string(), "there is no user \"nobody-knows-me\"");
        assert!(Owner::of(&Options::new().group("nobody-knows-us")).is_err());
    }

    #[test]
    fn who_one_is_one_can_become() {
        let me = Options::new()
            .user(geteuid().to_string())
            .group(getegid().to_string());
        Owner::of(&me).unwrap().assume().unwrap();
        Owner::default().assume().unwrap();
    }
}
