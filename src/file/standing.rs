//! standing - what a file is to the system beside its content: its mode, its owner, its extended attributes.
//!
//! Promise: a file that takes another's place has all of it, the access list that Windows will see among it, or does not take the place.
//! Labels that the system gives by its own policy are taken over where it lets us.

use std::fs::File;
use std::io;
use std::path::Path;

/// Gives `file` the mode, the owner and the extended attributes of the file at `target`, if there is one.
///
/// # Errors
/// What the system reports; a user who is not root may give files to nobody else.
pub fn take_over_standing(file: &File, target: &Path) -> io::Result<()> {
    let old = match target.metadata() {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    file.set_permissions(old.permissions())?;
    // Behind the mode, which would change an access list.
    #[cfg(target_os = "linux")]
    extended::take_over(file, target)?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod extended {
    use super::{File, Path, io};
    use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, getxattr, listxattr};
    use rustix::io::Errno;
    use zeroize::Zeroizing;

    /// The most bytes that Linux lets the names, or one value, take.
    const LIMIT: usize = 1 << 16;

    /// Windows' own of a file on NTFS: the drivers ntfs-3g and ntfs3 show them to those who know the names, and list them to nobody.
    const UNLISTED: [&str; 4] = [
        "system.ntfs_acl",
        "system.ntfs_security",
        "system.ntfs_attrib",
        "system.ntfs_crtime",
    ];

    /// Gives `file` the extended attributes of the file at `target`.
    pub(super) fn take_over(file: &File, target: &Path) -> io::Result<()> {
        let mut names = vec![0; LIMIT];
        let length = match listxattr(target, &mut names) {
            Ok(length) => length,
            // There are none on this file system.
            Err(Errno::NOTSUP) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let listed = names.get(..length).unwrap_or_default().split(|&byte| byte == 0);
        let listed = listed.filter(|name| !name.is_empty());
        let unlisted = UNLISTED.iter().map(|name| name.as_bytes());
        // A value is data of the user's, whatever it is.
        let (mut old, mut new) = (Zeroizing::new(vec![0; LIMIT]), Zeroizing::new(vec![0; LIMIT]));
        for name in listed.chain(unlisted) {
            let Some(value) = read(getxattr(target, name, &mut old[..]), &old)? else {
                continue;
            };
            if read(fgetxattr(file, name, &mut new[..]), &new)? == Some(value) {
                continue;
            }
            match fsetxattr(file, name, value, XattrFlags::empty()) {
                Err(error) if is_kept(name) => return Err(lost(name, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The value that was read; `None` if there is none.
    fn read(length: Result<usize, Errno>, buffer: &[u8]) -> io::Result<Option<&[u8]>> {
        match length {
            Ok(length) => Ok(buffer.get(..length)),
            Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file without this attribute does not stand for the old one. `security` and `trusted` are the system's, and the two of NTFS
    /// are flags and a time.
    fn is_kept(name: &[u8]) -> bool {
        let is_the_systems = name.starts_with(b"security.") || name.starts_with(b"trusted.");
        !is_the_systems && !name.ends_with(b".ntfs_attrib") && !name.ends_with(b".ntfs_crtime")
    }

    fn lost(name: &[u8], error: Errno) -> io::Error {
        let cause = io::Error::from(error);
        let name = crate::text::printable(&String::from_utf8_lossy(name));
        io::Error::new(
            cause.kind(),
            format!("the new file cannot be given the old one's extended attribute {name}: {cause}"),
        )
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use crate::file::replace;
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    #[test]
    fn extended_attributes_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "old").unwrap();
        let long = [b'x'; 1000];
        for (name, value) in [("user.empty", &b""[..]), ("user.long", &long)] {
            if let Err(error) = setxattr(&path, name, value, XattrFlags::empty()) {
                eprintln!("skipped: no extended attributes here: {error}");
                return;
            }
        }
        replace(&path, b"new", |_| Ok(())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mut buffer = [0; 2000];
        assert_eq!(getxattr(&path, "user.empty", &mut buffer[..]), Ok(0));
        assert_eq!(getxattr(&path, "user.long", &mut buffer[..]), Ok(1000));
        assert_eq!(buffer[..1000], long);
    }
}
