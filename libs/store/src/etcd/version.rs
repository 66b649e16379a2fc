//! Which versions of etcd a store may be kept in.

/// Older ones are refused.
const OLDEST: (u32, u32) = (3, 4);
/// Of each line the version from which on none of the known faults matters to a revocation; lines after them have none.
const SOUND: [(u32, u32, u32); 3] = [(3, 5, 33), (3, 6, 14), (3, 7, 1)];

/// What is to be said of a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Sound,
    Faulty,
    TooOld,
    /// It is not the number of a version.
    NotKnown,
}

/// Judges a version as a member tells it.
pub(super) fn judge(version: &str) -> Judgement {
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor)), Some(Some(patch))) = (numbers.next(), numbers.next(), numbers.next())
    else {
        return Judgement::NotKnown;
    };
    if (major, minor) < OLDEST {
        return Judgement::TooOld;
    }
    // What comes before a sound release is not one.
    let before = u32::from(version.contains('-'));
    let sound = match SOUND.iter().find(|(in_major, in_minor, _)| (*in_major, *in_minor) == (major, minor)) {
        Some((_, _, from)) => patch >= from + before,
        None => (major, minor) > (3, 7),
    };
    if sound { Judgement::Sound } else { Judgement::Faulty }
}

/// The oldest versions that are sound, for people.
pub(super) fn sound_versions() -> String {
    SOUND.map(|(major, minor, patch)| format!("{major}.{minor}.{patch}")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_by_their_line() {
        for (version, expected) in [
            ("3.3.27", Judgement::TooOld),
            ("2.3.8", Judgement::TooOld),
            ("3.4.0", Judgement::Faulty),
            ("3.4.23", Judgement::Faulty),
            ("3.4.99", Judgement::Faulty),
            ("3.5.16", Judgement::Faulty),
            ("3.5.32", Judgement::Faulty),
            ("3.5.33", Judgement::Sound),
            ("3.5.33-rc.0", Judgement::Faulty),
            ("3.6.13", Judgement::Faulty),
            ("3.6.14", Judgement::Sound),
            ("3.7.0", Judgement::Faulty),
            ("3.7.1", Judgement::Sound),
            ("3.8.0", Judgement::Sound),
            ("4.0.0", Judgement::Sound),
            ("", Judgement::NotKnown),
            ("3.x.1", Judgement::NotKnown),
        ] {
            assert_eq!(judge(version), expected, "{version}");
        }
    }
}
