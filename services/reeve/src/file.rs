//! What a person passes with `-f`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

/// The largest file that is sent: a message of the API carries no more.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;

/// Why a file is not sent.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// It cannot be opened or read.
    #[error("cannot read `{name}`: {cause}")]
    Unreadable {
        /// The file, as it was named.
        name: String,
        /// What the operating system says.
        cause: io::Error,
    },
    /// It is larger than a message may be.
    #[error("`{name}` is larger than 4 MiB, the most that can be sent")]
    TooLarge {
        /// The file, as it was named.
        name: String,
    },
    /// It is not text.
    #[error("`{name}` is not UTF-8 text: byte {offset} is the first that is not; save it as UTF-8")]
    NotText {
        /// The file, as it was named.
        name: String,
        /// How many bytes come before.
        offset: usize,
    },
}

/// Reads the whole of `path`; `-` is standard input.
pub(crate) fn read(path: &Path, stdin: &mut dyn Read) -> Result<String, FileError> {
    if path == Path::new("-") {
        return read_all("standard input", stdin);
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(mut file) => read_all(&name, &mut file),
        Err(cause) => Err(FileError::Unreadable { name, cause }),
    }
}

fn read_all(name: &str, source: &mut dyn Read) -> Result<String, FileError> {
    let name = name.to_owned();
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if let Err(cause) = source.take(limit).read_to_end(&mut bytes) {
        return Err(FileError::Unreadable { name, cause });
    }
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge { name });
    }
    String::from_utf8(bytes).map_err(|refused| FileError::NotText { name, offset: refused.utf8_error().valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_stdin(bytes: &[u8]) -> Result<String, FileError> {
        let mut source = bytes;
        read(Path::new("-"), &mut source)
    }

    #[test]
    fn a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused() {
        assert_eq!(from_stdin(&vec![b'a'; FILE_BYTES_MAX]).unwrap().len(), FILE_BYTES_MAX);
        assert!(matches!(from_stdin(&vec![b'a'; FILE_BYTES_MAX + 1]), Err(FileError::TooLarge { .. })));
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_its_place() {
        assert!(matches!(from_stdin(b"abc\xff"), Err(FileError::NotText { offset: 3, .. })));
    }

    #[test]
    fn a_missing_file_is_refused_by_name() {
        let refused = read(Path::new("/nonexistent/mnist.yaml"), &mut io::empty()).unwrap_err();
        assert!(refused.to_string().contains("`/nonexistent/mnist.yaml`"), "{refused}");
    }
}
