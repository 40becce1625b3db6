//! What is done to nodes, in words.

use kensho_nemesis::fault::{Action, ClientAccess, Heal, Shape};
use kensho_results::verdict::InjectionKind;

/// What kind of thing an action does.
pub(super) fn kind(action: Action) -> InjectionKind {
    match action {
        Action::Kill => InjectionKind::Kill,
        Action::Restart => InjectionKind::Restart,
        Action::Pause => InjectionKind::Pause,
        Action::Partition { .. } => InjectionKind::Partition,
        Action::Delay { .. } => InjectionKind::Delay,
        Action::FillDisk => InjectionKind::Disk,
        Action::CopyFolder => InjectionKind::Copy,
        Action::RestoreFolder | Action::CloneFolder | Action::LoseFolder => InjectionKind::Folder,
    }
}

/// What an action does, for a reader.
pub(super) fn text(action: Action) -> String {
    match action {
        Action::Kill => "kill".to_string(),
        Action::Restart => "restart".to_string(),
        Action::Pause => "pause".to_string(),
        Action::FillDisk => "fill the disk".to_string(),
        Action::CopyFolder => "copy the data folder".to_string(),
        Action::RestoreFolder => {
            "kill, and start again at once from the copy of the data folder".to_string()
        }
        Action::CloneFolder => {
            "kill, and start again from a copy of the data folder; at the end from its own"
                .to_string()
        }
        Action::LoseFolder => "kill, and remove the data folder".to_string(),
        Action::Delay { delay_ms, clients } => {
            let clients = match clients {
                ClientAccess::Kept => "clients reach it as ever",
                ClientAccess::Cut => "so it does to and from clients",
            };
            format!("what passes to and from it takes {delay_ms} ms longer; {clients}")
        }
        Action::Partition {
            shape,
            clients,
            heal,
        } => {
            let (shape, around) = match shape {
                Shape::Split => ("cut off", true),
                Shape::Deaf => ("make deaf", true),
                Shape::Mute => ("make mute", true),
                Shape::MajorityRing => ("arrange in a ring of majorities", false),
                Shape::Bridge => ("make a bridge", false),
                Shape::Apart => ("cut off from each other", false),
                Shape::Unanswered => ("hold answers to clients", false),
            };
            let clients = match clients {
                ClientAccess::Cut if around => "clients do not reach it",
                ClientAccess::Cut | ClientAccess::Kept => "clients still reach it",
            };
            let heal = match heal {
                Heal::Close => "held connections are closed at the end",
                Heal::Release => "held bytes flow at the end",
            };
            format!("{shape}; {clients}; {heal}")
        }
    }
}
