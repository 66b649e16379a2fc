//! Properties of resolution over many records.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use reeve_agent_user::{
    AbsolutePath, AgentId, AgentUser, DEFAULT_HOME, DEFAULT_SHELL, DefaultTask, Gecos, Override, Resolved, RootTasks,
    Settings, Source, SupplementaryGroup, UnixName, resolve,
};

fn id() -> impl Strategy<Value = AgentId> {
    prop_oneof![0_u32..4, any::<u32>()].prop_filter_map("an id", |number| AgentId::parse(number).ok())
}

/// Any text that is taken for a name, the strange ones included.
fn name() -> impl Strategy<Value = UnixName> {
    prop_oneof!["root", "[a-z]{1,3}", "\\PC{1,12}"].prop_filter_map("a name", |text| UnixName::parse(&text).ok())
}

fn path() -> impl Strategy<Value = AbsolutePath> {
    "/\\PC{0,12}".prop_filter_map("a path", |text| AbsolutePath::parse(&text).ok())
}

fn gecos() -> impl Strategy<Value = Gecos> {
    "\\PC{0,12}".prop_filter_map("a comment", |text| Gecos::parse(&text).ok())
}

fn link() -> impl Strategy<Value = AgentUser> {
    let group = (id(), option::of(name())).prop_map(|(gid, name)| SupplementaryGroup { gid, name });
    let free = (option::of(path()), option::of(path()), option::of(gecos()));
    (id(), name(), id(), name(), vec(group, 0..6), free).prop_map(
        |(uid, user, gid, group, supplementary, (home, shell, gecos))| AgentUser {
            uid,
            user,
            gid,
            group,
            supplementary,
            home,
            shell,
            gecos,
        },
    )
}

fn overrides() -> impl Strategy<Value = Override> {
    (option::of(id()), option::of(name()), option::of(id()), option::of(name()))
        .prop_map(|(uid, user, gid, group)| Override { uid, user, gid, group })
}

fn settings() -> impl Strategy<Value = Settings> {
    let default =
        (id(), name(), id(), name()).prop_map(|(uid, user, gid, group)| DefaultTask { uid, user, gid, group });
    (default, any::<bool>(), option::of(name())).prop_map(|(default_task, allow_root, launcher_user)| Settings {
        default_task,
        root_tasks: RootTasks::of_allow_root(allow_root),
        launcher_user,
    })
}

fn open(settings: Settings) -> Settings {
    Settings { root_tasks: RootTasks::Allowed, launcher_user: None, ..settings }
}

fn resolved(link: Option<&AgentUser>, overrides: &Override, settings: &Settings) -> Resolved {
    resolve("alice", "vision", link, Some(overrides), settings).expect("root is allowed")
}

proptest! {
    #[test]
    fn the_lines_read_back_as_what_was_resolved(
        link in option::of(link()),
        overrides in overrides(),
        settings in settings(),
    ) {
        let resolved = resolved(link.as_ref(), &overrides, &open(settings));
        let nss = resolved.nss();
        let user = resolved.user.value.as_str();
        let (uid, gid) = (resolved.uid.value.to_string(), resolved.gid.value.to_string());
        let gecos = resolved.gecos.as_ref().map_or("", |gecos| gecos.value.as_str());
        let home = resolved.home.as_ref().map_or(DEFAULT_HOME, |home| home.value.as_str());
        let shell = resolved.shell.as_ref().map_or(DEFAULT_SHELL, |shell| shell.value.as_str());
        prop_assert_eq!(nss.passwd.split(':').collect::<Vec<_>>(), [user, "x", &uid, &gid, gecos, home, shell]);
        prop_assert_eq!(nss.shadow.split(':').collect::<Vec<_>>(), [user, "*", "", "", "", "", "", "", ""]);
        let read: Vec<Vec<&str>> = nss.group.iter().map(|line| line.split(':').collect()).collect();
        prop_assert_eq!(&read[0], &[resolved.group.value.as_str(), "x", &gid, ""]);
        prop_assert_eq!(read.len() - 1, resolved.supplementary.value.len());
        for (line, group) in read[1..].iter().zip(&resolved.supplementary.value) {
            prop_assert_eq!(line, &[group.name.as_str(), "x", &group.gid.to_string(), user]);
        }
        for line in nss.group.iter().chain([&nss.passwd, &nss.shadow]) {
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn each_field_is_the_workspaces_or_else_the_links_or_else_the_defaults(
        link in option::of(link()),
        overrides in overrides(),
        settings in settings(),
    ) {
        let settings = open(settings);
        let resolved = resolved(link.as_ref(), &overrides, &settings);
        let default = &settings.default_task;
        let own = link.as_ref().map_or((default.uid, &default.group), |link| (link.uid, &link.group));
        let own_source = if link.is_some() { Source::Link } else { Source::Default };
        let source = |is_overridden| if is_overridden { Source::Workspace("vision".to_owned()) } else { own_source.clone() };
        prop_assert_eq!(resolved.uid.value, overrides.uid.unwrap_or(own.0));
        prop_assert_eq!(&resolved.group.value, overrides.group.as_ref().unwrap_or(own.1));
        prop_assert_eq!(&resolved.uid.source, &source(overrides.uid.is_some()));
        prop_assert_eq!(&resolved.user.source, &source(overrides.user.is_some()));
        prop_assert_eq!(&resolved.gid.source, &source(overrides.gid.is_some()));
        prop_assert_eq!(&resolved.group.source, &source(overrides.group.is_some()));
        prop_assert_eq!(&resolved.supplementary.source, &own_source);
    }

    #[test]
    fn every_linked_gid_appears_once(link in link(), overrides in overrides(), settings in settings()) {
        let resolved = resolved(Some(&link), &overrides, &open(settings));
        let mut gids: Vec<u32> = resolved.security_context().supplemental_groups;
        gids.push(resolved.gid.value.get());
        gids.sort_unstable();
        let mut expected: Vec<u32> = link.supplementary.iter().map(|group| group.gid.get()).collect();
        expected.push(resolved.gid.value.get());
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(gids, expected);
    }

    #[test]
    fn root_is_refused_exactly_where_the_configuration_says(
        link in option::of(link()),
        overrides in overrides(),
        settings in settings(),
    ) {
        let free = resolved(link.as_ref(), &overrides, &open(settings.clone()));
        let is_root = free.uid.value == AgentId::ROOT || free.user.value.is_root();
        let refuses = settings.root_tasks == RootTasks::Refused
            || settings.launcher_user.as_ref().is_some_and(|launcher| launcher.as_str() != "root");
        match resolve("alice", "vision", link.as_ref(), Some(&overrides), &settings) {
            Ok(resolved) => {
                prop_assert!(!(is_root && refuses));
                prop_assert_eq!(resolved, free);
            }
            Err(refusal) => {
                prop_assert!(is_root && refuses);
                prop_assert!(!refusal.causes.is_empty());
                prop_assert!(refusal.to_string().contains("`alice`"));
            }
        }
    }

    #[test]
    fn any_text_is_a_value_that_fits_a_line_or_is_refused(text in any::<String>()) {
        let fits = |text: &str| !text.contains(|c: char| c == ':' || c.is_control());
        prop_assert!(UnixName::parse(&text).map_or(true, |name| fits(name.as_str()) && name.as_str() == text));
        prop_assert!(AbsolutePath::parse(&text).map_or(true, |path| fits(path.as_str()) && path.as_str() == text));
        prop_assert!(Gecos::parse(&text).map_or(true, |gecos| fits(gecos.as_str()) && gecos.as_str() == text));
    }
}
