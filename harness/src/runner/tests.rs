//! Whole runs on a system in memory: a right one is found valid, and each flaw is found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kensho_checker::explain::FaultInterval;
use kensho_checker::formats::{self, Format};
use kensho_nemesis::capability::Able;
use kensho_nemesis::catalogue::select;
use kensho_nemesis::schedule::{self, Planned};
use kensho_results::run::{Host, RunRecord};
use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;
use kensho_results::verdict::{FaultOutcome, Validity, Verdict};
use kensho_workloads::call::CallKind;
use kensho_workloads::workload::Settings;

use super::interrupt::Interrupt;
use super::{Outcome, Plan, Play, run};
use crate::system::toy::{Flaw, ToySystem};

const LENGTH_MS: u64 = 1_500;

fn faults(names: &[&str]) -> Vec<Planned> {
    let settings = schedule::Settings {
        seed: 7,
        heartbeat_ms: 10,
        until_ms: LENGTH_MS,
        lead_ms: 150,
        fault_ms: (60, 100),
        quiet_ms: (60, 100),
        whole_ms: 100,
    };
    let entries = select(names.iter().copied(), &Able::to_everything()).unwrap();
    schedule::plan(&settings, &entries)
}

fn plan(faults: Vec<Planned>) -> Plan {
    Plan {
        workload: kensho_workloads::find("register").unwrap(),
        objects: Settings::for_partitions(4, 7),
        calls: CallKind::OF_ROWS,
        may_lose: false,
        clients: 8,
        rate: Some(2_000.0),
        faults,
        play: Play::Timed {
            time_limit: Duration::from_millis(LENGTH_MS),
        },
        settle_limit: Duration::from_secs(20),
        final_limit: Duration::from_secs(20),
    }
}

fn record() -> RunRecord {
    RunRecord {
        workload: "register".to_string(),
        system: "toy".to_string(),
        began: Utc::now().text(),
        seed: 7,
        command: Vec::new(),
        options: serde_json::Map::new(),
        broken_rules: BTreeMap::new(),
        planned_faults: serde_json::Value::Null,
        versions: serde_json::Map::new(),
        host: Host::this(),
    }
}

async fn play(flaw: Flaw, plan: &Plan) -> (Outcome, RunFolder, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), "register", Utc::now()).unwrap();
    let (_interrupter, interrupt) = Interrupt::manual();
    let system = Arc::new(ToySystem::new(flaw));
    let outcome = run(system, plan, &record(), &folder, interrupt)
        .await
        .unwrap();
    (outcome, folder, root)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_system_is_valid_and_its_faults_are_applied() {
    let plan = plan(faults(&["kill", "pause", "partition"]));
    let (
        Outcome {
            verdict, warnings, ..
        },
        folder,
        _root,
    ) = play(Flaw::None, &plan).await;
    assert_eq!(verdict.missing, Vec::<String>::new());
    assert_eq!(verdict.valid, Validity::Valid, "{}", verdict.summary);
    assert!(warnings.is_empty());
    assert_eq!(verdict.faults.len(), plan.faults.len());
    assert!(
        verdict
            .faults
            .iter()
            .all(|fault| fault.outcome == FaultOutcome::Applied)
    );
    assert!(verdict.counts.owner_kills > 0 && verdict.counts.partitions > 0);
    assert!(verdict.figures.operation_count() > 500);
    let silent = |health: &BTreeMap<String, String>| health.values().any(|word| word != "ready");
    assert!(
        verdict
            .faults
            .iter()
            .all(|fault| !silent(&fault.health_before))
    );
    assert!(
        verdict
            .faults
            .iter()
            .any(|fault| silent(&fault.health_during))
    );
    let written = std::fs::read_to_string(folder.verdict()).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&written).unwrap(), verdict);
    // Whoever draws the history finds the same faults in it, each with its end.
    let text = std::fs::read(folder.history()).unwrap();
    let history = formats::read(&text, Format::Jsonl).unwrap();
    let drawn = FaultInterval::of(&history);
    assert_eq!(drawn.len(), verdict.faults.len(), "{drawn:?}");
    for (drawn, fault) in drawn.iter().zip(&verdict.faults) {
        let begin_ms = drawn.start_ns / 1_000_000;
        let end_ms = drawn.end_ns.expect("it ended") / 1_000_000;
        assert!(
            begin_ms <= fault.start_ms && fault.end_ms <= end_ms,
            "{drawn:?} {fault:?}"
        );
        assert!(end_ms <= LENGTH_MS + 20_000, "{drawn:?}");
        assert!(drawn.name.starts_with(&fault.name), "{drawn:?}");
        assert!(
            fault.targets.iter().all(|node| drawn.name.contains(node)),
            "{drawn:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_owner_is_back_while_the_fault_lasts() {
    let plan = plan(faults(&["restart-owner"]));
    let (Outcome { verdict, .. }, ..) = play(Flaw::None, &plan).await;
    assert_eq!(verdict.valid, Validity::Valid, "{}", verdict.summary);
    assert!(!verdict.faults.is_empty());
    for fault in &verdict.faults {
        assert_eq!(fault.outcome, FaultOutcome::Applied);
        assert!(fault.health_during.values().all(|word| word == "ready"));
    }
    assert!(verdict.counts.owner_kills >= verdict.faults.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_writes_are_found_and_attributed_to_failovers() {
    let plan = plan(faults(&["kill-owner"]));
    let (Outcome { verdict, .. }, ..) = play(Flaw::ForgetsAtFailover, &plan).await;
    assert_eq!(verdict.valid, Validity::Invalid, "{}", verdict.summary);
    assert!(verdict.losses.count > 0);
    let attributed = |text: &str| text.contains("->") && text.contains("kill-owner");
    assert!(
        verdict
            .losses
            .by_failover
            .iter()
            .any(|loss| attributed(&loss.failover))
    );
    assert!(verdict.summary.contains("gone"), "{}", verdict.summary);
}

/// The same, where no more is promised: what failovers lose is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failovers_lose_is_allowed_where_no_more_is_promised() {
    let plan = Plan {
        may_lose: true,
        ..plan(faults(&["kill-owner"]))
    };
    let (Outcome { verdict, .. }, ..) = play(Flaw::ForgetsAtFailover, &plan).await;
    assert_eq!(
        verdict.valid,
        Validity::Valid,
        "{} {:?}",
        verdict.summary,
        (&verdict.missing, &verdict.anomalies)
    );
    assert!(verdict.losses.count > 0 && verdict.anomalies.is_empty());
    assert!(
        verdict.summary.contains("asynchronous"),
        "{}",
        verdict.summary
    );
}

/// Every workload finds that updates are forgotten, and nothing where they are not. (A bank that forgets
/// whole transfers still adds up: it is for those that are done by halves.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_workload_is_valid_on_a_right_system_and_not_on_one_that_forgets() {
    for &workload in kensho_workloads::ALL {
        for (flaw, expected) in [
            (Flaw::None, Validity::Valid),
            (Flaw::ForgetsAtFailover, Validity::Invalid),
        ] {
            let mut plan = plan(faults(&["kill-owner"]));
            plan.workload = workload;
            let (Outcome { verdict, .. }, ..) = play(flaw, &plan).await;
            let (name, missing) = (workload.name(), &verdict.missing);
            let expected = if name == "bank" {
                Validity::Valid
            } else {
                expected
            };
            assert_eq!(verdict.valid, expected, "{name}: {missing:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_never_succeeds_leaves_the_verdict_unknown() {
    let plan = plan(Vec::new());
    let (Outcome { verdict, .. }, ..) = play(Flaw::NeverCompares, &plan).await;
    assert_eq!(verdict.valid, Validity::Unknown);
    assert_eq!(verdict.missing, ["no cas succeeded in the run"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_could_not_be_applied_leaves_the_verdict_unknown() {
    let plan = plan(faults(&["pause-one"]));
    let (Outcome { verdict, .. }, ..) = play(Flaw::CannotPause, &plan).await;
    assert_eq!(verdict.valid, Validity::Unknown);
    assert!(
        verdict
            .missing
            .iter()
            .any(|text| text.contains("cannot be paused"))
    );
    assert_eq!(verdict.counts.faults_applied, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_takes_no_effect_or_does_not_end_leaves_the_verdict_unknown() {
    for (flaw, fault, said) in [
        (Flaw::PausesInName, "pause-one", "does not stand still"),
        (Flaw::StaysCut, "partition-halves", "still disturbed"),
    ] {
        let mut plan = plan(faults(&[fault]));
        plan.faults.truncate(1);
        let (Outcome { verdict, .. }, ..) = play(flaw, &plan).await;
        assert_eq!(verdict.valid, Validity::Unknown);
        let missing = verdict.missing.join("\n");
        assert!(missing.contains(said), "{missing}");
        assert_eq!(verdict.faults[0].outcome, FaultOutcome::Failed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_may_overlap_and_each_undoes_its_own() {
    let mut two = faults(&["kill-one", "pause-one"]);
    two.truncate(2);
    two.sort_by_key(|planned| planned.fault.name);
    // The kill begins first and ends while the pause goes on. Seeds that hit different nodes.
    for (planned, (start_ms, end_ms, seed)) in two.iter_mut().zip([(200, 500, 1), (300, 800, 2)]) {
        (planned.start_ms, planned.end_ms, planned.seed) = (start_ms, end_ms, seed);
    }
    let plan = plan(two);
    let (Outcome { verdict, .. }, ..) = play(Flaw::None, &plan).await;
    assert_eq!(verdict.valid, Validity::Valid, "{:?}", verdict.missing);
    let [kill, pause] = &verdict.faults[..] else {
        panic!("there are two: {:?}", verdict.faults)
    };
    assert_eq!([kill.name.as_str(), &pause.name], ["kill-one", "pause-one"]);
    let (killed, paused) = (&kill.targets[0], &pause.targets[0]);
    assert_ne!(killed, paused);
    assert_eq!(kill.health_during[killed], "down");
    assert_eq!(kill.health_after[killed], "ready");
    assert_eq!(
        kill.health_after[paused], "silent",
        "the other fault goes on"
    );
    assert_eq!(pause.health_during[paused], "silent");
    assert_eq!(pause.health_after[paused], "ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounds_begin_in_a_whole_cluster() {
    let mut plan = plan(faults(&["kill-owner"]));
    plan.faults.truncate(3);
    let short = Duration::from_millis(50);
    plan.play = Play::Rounds {
        hold: short,
        quiet: 2 * short,
    };
    let (Outcome { verdict, .. }, ..) = play(Flaw::None, &plan).await;
    assert_eq!(verdict.faults.len(), 3);
    assert_eq!(verdict.counts.owner_kills, 3);
    for fault in &verdict.faults {
        assert!(fault.health_before.values().all(|word| word == "ready"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_is_judged_and_unknown() {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), "register", Utc::now()).unwrap();
    let (interrupter, interrupt) = Interrupt::manual();
    let mut plan = plan(Vec::new());
    plan.play = Play::Timed {
        time_limit: Duration::from_secs(600),
    };
    let system = Arc::new(ToySystem::new(Flaw::None));
    let run_record = record();
    let running = run(system, &plan, &run_record, &folder, interrupt);
    let history = folder.history();
    let stop = async {
        // Once the history has grown there is something to judge.
        while std::fs::metadata(&history).map_or(0, |meta| meta.len()) < 50_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        interrupter.interrupt();
    };
    let (outcome, ()) = tokio::join!(running, stop);
    let verdict = outcome.unwrap().verdict;
    assert_eq!(verdict.valid, Validity::Unknown);
    assert!(
        verdict
            .missing
            .contains(&"the run was interrupted".to_string())
    );
    assert!(verdict.figures.operation_count() > 100);
}
