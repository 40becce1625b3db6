//! Who is hit: from what is known of the cluster at that moment.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::fault::Target;

/// What is known of the cluster when a fault begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All nodes by name.
    pub nodes: Vec<String>,
    /// The master, if one is known.
    pub master: Option<String>,
    /// The partitions that have an owner.
    pub partitions: Vec<Roles>,
}

/// Who is what for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The partition.
    pub id: u32,
    /// Its owner.
    pub owner: String,
    /// Its backups that are in sync.
    pub backups: Vec<String>,
}

impl View {
    fn backups_not_master<'a>(&'a self, roles: &'a Roles) -> impl Iterator<Item = &'a String> {
        let backups = roles.backups.iter();
        backups.filter(|backup| self.master.as_ref() != Some(*backup))
    }
}

/// Chooses targets for one fault: all of its injections speak of the same drawn partition.
#[derive(Debug)]
pub struct Chooser<'a> {
    view: &'a View,
    draw: Rng,
    partition: Option<&'a Roles>,
}

impl<'a> Chooser<'a> {
    /// Targets for a fault that uses all of `targets`, drawn from `seed`.
    pub fn new(view: &'a View, targets: &[Target], seed: u64) -> Chooser<'a> {
        let mut draw = Rng::with_seed(seed);
        let suits = |roles: &&Roles| {
            (!targets.contains(&Target::Backup) || !roles.backups.is_empty())
                && (!targets.contains(&Target::OwnerNotMaster)
                    || view.master.as_ref() != Some(&roles.owner))
                && (!targets.contains(&Target::OwnerAndBackup)
                    || view.master.as_ref() != Some(&roles.owner)
                        && view.backups_not_master(roles).next().is_some())
        };
        let suitable: Vec<&Roles> = view.partitions.iter().filter(suits).collect();
        let partition = draw.choice(suitable);
        Chooser {
            view,
            draw,
            partition,
        }
    }

    /// The partition whose owner or backup is meant, if there is one that suits.
    pub fn partition(&self) -> Option<u32> {
        self.partition.map(|roles| roles.id)
    }

    /// The nodes that `target` means.
    ///
    /// # Errors
    /// Why there is none.
    pub fn choose(&mut self, target: Target) -> Result<BTreeSet<String>, String> {
        let count = self.view.nodes.len();
        let owner = || {
            let roles = self
                .partition
                .ok_or("no partition with such an owner is known")?;
            Ok::<String, String>(roles.owner.clone())
        };
        match target {
            Target::One => self.some(1),
            Target::Minority => self.some((count.saturating_sub(1) / 2).max(1)),
            Target::Majority => self.some(count / 2 + 1),
            Target::All => self.some(count),
            Target::Master => {
                let master = self.view.master.clone().ok_or("no master is known")?;
                Ok(BTreeSet::from([master]))
            }
            Target::Owner | Target::OwnerNotMaster => Ok(BTreeSet::from([owner()?])),
            Target::Backup => {
                let roles = self
                    .partition
                    .ok_or("no partition with an in-sync backup is known")?;
                let backup = self
                    .draw
                    .choice(&roles.backups)
                    .ok_or("it has no in-sync backup")?;
                Ok(BTreeSet::from([backup.clone()]))
            }
            Target::OwnerAndBackup => {
                let owner = owner()?;
                let backups = self
                    .partition
                    .into_iter()
                    .flat_map(|roles| self.view.backups_not_master(roles));
                let backup = self
                    .draw
                    .choice(backups.collect::<Vec<_>>())
                    .ok_or("it has no in-sync backup but the master")?;
                Ok(BTreeSet::from([owner, backup.clone()]))
            }
        }
    }

    fn some(&mut self, count: usize) -> Result<BTreeSet<String>, String> {
        let nodes = self.draw.choose_multiple(&self.view.nodes, count);
        if nodes.is_empty() {
            return Err("no node is known".to_string());
        }
        Ok(nodes.into_iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let roles = |id, owner: &str, backups: &[&str]| Roles {
            id,
            owner: owner.to_string(),
            backups: backups.iter().map(ToString::to_string).collect(),
        };
        View {
            nodes: (1..=5).map(|number| format!("n{number}")).collect(),
            master: Some("n1".to_string()),
            partitions: vec![
                roles(0, "n1", &["n2", "n3"]),
                roles(1, "n2", &[]),
                roles(2, "n3", &["n4"]),
            ],
        }
    }

    #[test]
    fn groups_have_the_size_their_name_says() {
        for seed in 0..50 {
            let view = view();
            let mut chooser = Chooser::new(&view, &[], seed);
            let sizes = [Target::One, Target::Minority, Target::Majority, Target::All]
                .map(|target| chooser.choose(target).unwrap().len());
            assert_eq!(sizes, [1, 2, 3, 5]);
        }
    }

    #[test]
    fn owner_and_backup_are_of_one_partition_that_has_both() {
        let mut partitions = BTreeSet::new();
        for seed in 0..100 {
            let view = view();
            let targets = [Target::Backup, Target::Owner];
            let mut chooser = Chooser::new(&view, &targets, seed);
            let roles = chooser.partition.unwrap();
            partitions.insert(roles.id);
            let backup = chooser.choose(Target::Backup).unwrap();
            assert!(backup.iter().all(|node| roles.backups.contains(node)));
            assert_eq!(
                chooser.choose(Target::Owner).unwrap(),
                [roles.owner.clone()].into()
            );
        }
        assert_eq!(partitions, [0, 2].into(), "partition 1 has no backup");
    }

    #[test]
    fn a_pair_is_an_owner_and_its_backup_without_the_master() {
        let mut view = view();
        view.partitions.push(Roles {
            id: 3,
            owner: "n4".to_string(),
            backups: vec!["n1".to_string()],
        });
        for seed in 0..100 {
            let targets = [Target::OwnerAndBackup, Target::OwnerNotMaster];
            let mut chooser = Chooser::new(&view, &targets, seed);
            let pair = chooser.choose(Target::OwnerAndBackup).unwrap();
            assert_eq!(pair, ["n3".to_string(), "n4".to_string()].into());
            let owner = chooser.choose(Target::OwnerNotMaster).unwrap();
            assert_eq!(owner, ["n3".to_string()].into());
        }
        view.partitions.remove(2);
        let mut chooser = Chooser::new(&view, &[Target::OwnerAndBackup], 0);
        assert!(chooser.choose(Target::OwnerAndBackup).is_err());
    }

    #[test]
    fn an_owner_that_is_not_the_master_is_found_or_its_absence_told() {
        for seed in 0..100 {
            let view = view();
            let mut chooser = Chooser::new(&view, &[Target::OwnerNotMaster], seed);
            assert_ne!(
                chooser.choose(Target::OwnerNotMaster).unwrap(),
                ["n1".to_string()].into()
            );
        }
        let alone = View {
            partitions: view().partitions[..1].to_vec(),
            ..view()
        };
        let mut chooser = Chooser::new(&alone, &[Target::OwnerNotMaster], 0);
        assert!(
            chooser
                .choose(Target::OwnerNotMaster)
                .unwrap_err()
                .contains("owner")
        );
        let lost = View {
            master: None,
            ..view()
        };
        assert!(Chooser::new(&lost, &[], 0).choose(Target::Master).is_err());
    }
}
