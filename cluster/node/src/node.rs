//! How a node starts and stops, and its threads.
//!
//! | thread | what it does |
//! | --- | --- |
//! | control | coordinator, its messages, the listener for nodes |
//! | data | replicas, their messages, the listener for clients |
//! | saver | what the coordinator must not forget, to disk |
//! | log-… | the update log, its flushes and checkpoints (storage) |
//! | main | waits for a signal to stop |

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use kensho_protocol::coordinator::{Birth, Coordinator};
use kensho_protocol::ids::{Life, PartitionId};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::Replica;
use kensho_protocol::table::Member;
use kensho_storage::disk::RealDisk;
use kensho_storage::error::StorageError;
use kensho_storage::folder;
use kensho_storage::log::{self, LogAppender, LogEnding, LogProgress, Recovery};
use kensho_storage::tables::Tables;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, watch};

use crate::access::Guard;
use crate::access::users::UsersError;
use crate::clock;
use crate::control::{self, Begin, Control, Heard, Saver, Shown};
use crate::data::{self, Data, DataPlane, Parts};
use crate::discovery::Known;
use crate::door::{Source, Strangers};
use crate::goodbye;
use crate::http::{self, Entrance};
use crate::peer::{Arrived, HandedOver, Hello, Inbound, Introduction, LinkSettings, Peers, Plane};
use crate::recent_log;
use crate::recording::{self, Recorder, Recorders};
use crate::service_manager;
use crate::settings::{Limits, Settings};

/// Pieces of messages from other nodes that may wait for a plane; more wait in the senders.
const INBOUND_QUEUE: usize = 256;
/// Reports from replicas that may wait for the coordinator; what is more is told again.
const REPORT_QUEUE: usize = 1_024;
/// Connections that may wait to be taken over by the data plane.
const HANDOVER_QUEUE: usize = 64;
/// Files and connections that a node may have open besides those of clients and strangers.
const FILES_BESIDES: usize = 512;
/// After an error of `accept` the next one is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a node cannot run. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It cannot listen.
    #[error(
        "cannot listen on {address} ({setting}): {source}; stop what uses the address, or choose another"
    )]
    Listen {
        /// The setting that says where to listen.
        setting: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Its data folder cannot be used.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// What a partition has on disk is no data image.
    #[error("partition {partition}: {source}; start the version of the program that wrote it")]
    Image {
        /// Which partition.
        partition: u16,
        /// What is wrong.
        source: kensho_protocol::apply::ImageError,
    },
    /// It cannot record its inputs.
    #[error("cannot record inputs (record_dir): {path}: {source}; choose another folder")]
    Record {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The users cannot be read.
    #[error("{0}")]
    Users(#[from] UsersError),
    /// The operating system refused a thread or the like.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
}

/// Writes the node's log to standard error, one JSON object a line.
///
/// # Errors
/// When `filter` is none.
pub fn log_to_stderr(filter: &str) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| format!("the setting log is {filter}: {error}"))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(recent_log::Tee)
        .init();
    Ok(())
}

/// Runs a node until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// When it cannot start. A failure later ends the process.
pub fn run(mut settings: Settings) -> Result<(), NodeError> {
    stop_on_panic();
    keep_within_open_files(&mut settings.limits);
    let guard = Guard::new(settings.users_file.clone(), settings.anonymous)?;
    let client_listener = listen("client_listen", settings.client_listen)?;
    let peer_listener = listen("peer_listen", settings.peer_listen)?;
    let (disk, lock, folder) =
        folder::open(&settings.data_dir, &settings.identity, settings.update_log)?;
    // Whatever a start writes, its own limit does not keep a node from starting.
    let disk = disk.with_limit(settings.data_limit_bytes);
    let advertised = |given: &Option<String>, listener: &StdListener| match given {
        Some(address) => Ok(address.clone()),
        None => listener.local_addr().map(|address| address.to_string()),
    };
    let me = Member {
        id: folder.node,
        name: settings.name.clone(),
        client_address: advertised(&settings.client_advertise, &client_listener)?,
        peer_address: advertised(&settings.peer_advertise, &peer_listener)?,
    };
    tracing::info!(
        node = me.name,
        id = me.id.0,
        cluster = settings.identity.cluster,
        client = me.client_address,
        peer = me.peer_address,
        records = folder.recovery.report.records,
        starts = folder.life.counter,
        "the node starts"
    );
    if let Some(cut) = &folder.recovery.report.cut {
        tracing::warn!("the end of the log was torn: {cut}");
    }
    for damage in &folder.recovery.report.damage {
        tracing::error!("{damage}");
    }
    if !folder.recovery.taken_out.is_empty() {
        let partitions: Vec<u16> = folder.recovery.taken_out.iter().map(|p| p.0).collect();
        tracing::warn!(
            ?partitions,
            "these partitions may have lost something by that: here they begin another life with \
             nothing, and are brought in sync by the nodes that hold them as well; all others are whole"
        );
    }
    if folder.may_lack_updates {
        tracing::warn!(
            incarnation = folder.incarnation.0,
            "the last run ended in a crash, and durability was delayed: the node catches up with the \
             others before its data count again"
        );
    }
    let mut recorders = recording::start(&settings, &me)
        .map_err(|(path, source)| NodeError::Record { path, source })?;
    let replicas = recover(
        &settings,
        &me,
        folder.recovery,
        folder.life,
        &mut recorders.data,
    )?;
    let log_disk = disk.clone().with_flush_delay(settings.flush_delay);
    let (appender, progress) = log::start(folder.store, &log_disk)?;
    let (ending, own_disk) = (appender.ending(), disk.clone());

    let hello = Arc::new(Hello::new(
        Introduction::new(&settings, me.clone(), folder.life),
        &settings.secret,
    ));
    let (view, view_seen) = watch::channel(Shown::default());
    let (reports, reports_seen) = mpsc::channel(REPORT_QUEUE);
    let (to_control, node_shown) = (reports.clone(), view_seen.clone());
    let (streams, streams_seen) = mpsc::channel(HANDOVER_QUEUE);
    let (saved, saved_seen) = mpsc::unbounded_channel();
    let (stop, stopping) = watch::channel(false);
    let Limits {
        strangers: limit,
        strangers_by_address,
        ..
    } = settings.limits;
    let strangers = Strangers::new(limit, strangers_by_address);

    let birth = Birth {
        identity: settings.identity.clone(),
        members: BTreeMap::new(),
    };
    let (seed, now) = (RandomState::new().hash_one(me.id), clock::now());
    let Recorders {
        control: mut recorder,
        data: data_recorder,
    } = recorders;
    if let Some(transcript) = recorder.transcript() {
        let (saved, drawn) = (&folder.saved, (folder.life, seed));
        transcript.coordinator(now, settings.priority, &birth, saved, drawn);
    }
    recorder.write_begun();
    let coordinator = Coordinator::new(
        settings.protocol,
        me.clone(),
        settings.priority,
        birth,
        folder.saved,
        folder.life,
        seed,
        now,
    );
    let saver = Saver::start(disk.clone(), saved)?;

    let discovery = [(); 2].map(|()| Known::new(&settings, me.clone(), view_seen.clone()));
    let control = ControlThread {
        discovery,
        found: reports.clone(),
        settings: settings.clone(),
        hello: Arc::clone(&hello),
        me: me.clone(),
        coordinator,
        recorder,
        saver,
        view,
        reports: reports_seen,
        saved: saved_seen,
        listener: peer_listener,
        strangers: Arc::clone(&strangers),
        streams,
    };
    let data = DataThread {
        settings,
        hello,
        me,
        replicas,
        log: appender,
        disk,
        progress,
        view: view_seen,
        reports,
        recorder: data_recorder,
        listener: client_listener,
        entrance: Entrance { strangers, guard },
        streams: streams_seen,
        stopping,
    };
    // The control thread ends with the process.
    spawn("control", move |runtime| control.run(&runtime))?;
    let data = spawn("data", move |runtime| data.run(&runtime))?;
    service_manager::ready();
    goodbye::wait(&to_control, node_shown)?;
    tracing::info!("the node stops: it takes no more requests, and answers those that wait");
    // The data thread has not ended, since it ends only when it is told to.
    let _ = stop.send(true);
    let _ = data.join();
    mark_synced(own_disk, &ending);
    drop(lock);
    tracing::info!("the node has stopped");
    Ok(())
}

/// The orderly end of a run: what the node has acknowledged is on its disk.
fn mark_synced(mut disk: RealDisk, ending: &LogEnding) {
    let marked = ending.is_safe().then(|| folder::mark_synced(&mut disk));
    match marked {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            tracing::warn!("the next start will count as one after a crash: {error}");
        }
        None => {
            tracing::warn!("the next start will count as one after a crash: the log has failed");
        }
    }
}

/// A thread that panicked has left something half done: nobody must go on with it.
fn stop_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        tracing::error!("the node stops, because of a bug: {info}");
        std::process::exit(crate::failure::EXIT_FAILURE);
    }));
}

/// Takes as many files as the system allows, and no more connections than there can be then: without a
/// file more, a node could neither reach others nor write its data.
fn keep_within_open_files(limits: &mut Limits) {
    let limit = getrlimit(Resource::RLIMIT_NOFILE);
    let raised = limit.and_then(|(_, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(hard)
    });
    let files = match raised {
        Ok(files) => usize::try_from(files).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!("the limit of open files cannot be raised: {error}");
            return;
        }
    };
    let most = files
        .saturating_sub(FILES_BESIDES + limits.strangers)
        .max(1);
    if limits.client_connections > most {
        tracing::warn!(
            client_connection_limit = limits.client_connections,
            open_files = files,
            "the system allows fewer open files than there may be connections of clients: {most} are \
             taken; raise the limit (ulimit -n, or LimitNOFILE of systemd)"
        );
        limits.client_connections = most;
    }
}

fn listen(setting: &'static str, address: SocketAddr) -> Result<StdListener, NodeError> {
    let listen = || {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| NodeError::Listen {
        setting,
        address,
        source,
    })
}

/// A replica for each partition: as the disk remembers it, or empty.
fn recover(
    settings: &Settings,
    me: &Member,
    mut recovery: Recovery,
    life: Life,
    recorder: &mut Recorder,
) -> Result<Vec<Replica<Tables>>, NodeError> {
    let now = clock::now();
    let partitions = (0..settings.identity.partitions).map(PartitionId);
    partitions
        .map(|partition| {
            let recovered = recovery
                .partitions
                .remove(&partition)
                .unwrap_or_else(|| Recovered {
                    life,
                    ..recovery.nothing(partition)
                });
            if let Some(transcript) = recorder.transcript() {
                transcript.replica(partition, now, &recovered);
            }
            // One by one: each may hold much.
            recorder.write_begun();
            Replica::recover(me.id, partition, settings.protocol, recovered, now).map_err(
                |source| NodeError::Image {
                    partition: partition.0,
                    source,
                },
            )
        })
        .collect()
}

/// Starts a thread with an event loop of its own.
fn spawn(
    name: &str,
    body: impl FnOnce(LocalRuntime) + Send + 'static,
) -> Result<JoinHandle<()>, io::Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => body(runtime),
                Err(error) => crate::failure::stop_at_once(&error),
            }
        })
}

struct ControlThread {
    /// To make this node known, and to look for others.
    discovery: [Known; 2],
    found: mpsc::Sender<Heard>,
    settings: Settings,
    hello: Arc<Hello>,
    me: Member,
    coordinator: Coordinator,
    recorder: Recorder,
    saver: Saver,
    view: watch::Sender<Shown>,
    reports: mpsc::Receiver<Heard>,
    saved: mpsc::UnboundedReceiver<kensho_protocol::ids::Ticket>,
    listener: StdListener,
    strangers: Arc<Strangers>,
    streams: mpsc::Sender<HandedOver>,
}

impl ControlThread {
    fn run(self, runtime: &LocalRuntime) {
        runtime.block_on(async move {
            let known = Arc::clone(&self.hello);
            let (sink, messages) = mpsc::channel(INBOUND_QUEUE);
            let inbound = Inbound::new(Plane::Control, Arc::clone(&self.hello), sink);
            let (peers, seen) =
                Peers::new(link_settings(&self.settings, Plane::Control, self.hello));
            match TcpListener::from_std(self.listener) {
                Ok(listener) => {
                    let streams = self.streams;
                    tokio::task::spawn_local(accept_nodes(
                        listener,
                        self.strangers,
                        inbound,
                        streams,
                    ));
                }
                Err(error) => crate::failure::stop_at_once(&error),
            }
            let [telling, looking] = self.discovery;
            tokio::task::spawn_local(telling.announce());
            if self.coordinator.accepted().is_none() {
                tokio::task::spawn_local(looking.look(self.found));
            }
            let begin = match (self.settings.discovery.join_by, self.settings.join) {
                (Some(_), _) => Begin::WhenFound,
                (None, join) if join.is_empty() => Begin::WithMembers,
                (None, join) => Begin::Joining(join),
            };
            let control = Control::new(
                (self.coordinator, self.recorder),
                (self.me, known),
                (self.settings.members, self.settings.protocol.rules),
                peers,
                self.saver,
                self.view,
            );
            let inputs = control::Inputs {
                messages,
                reports: self.reports,
                saved: self.saved,
                seen,
            };
            control.run(inputs, begin).await;
        });
    }
}

fn link_settings(settings: &Settings, plane: Plane, hello: Arc<Hello>) -> LinkSettings {
    LinkSettings {
        plane,
        hello,
        heartbeat: settings.protocol.heartbeat,
        queue_limit_bytes: settings.limits.peer_queue_bytes,
    }
}

/// Takes the connections of other nodes: those for control stay here, those for data are handed to
/// the data plane's thread.
async fn accept_nodes(
    listener: TcpListener,
    strangers: Arc<Strangers>,
    inbound: std::rc::Rc<Inbound<kensho_protocol::coordinator::Message>>,
    streams: mpsc::Sender<HandedOver>,
) {
    loop {
        let (stream, stranger) = match listener.accept().await {
            Ok((stream, from)) => (stream, strangers.admit(Source::from(from.ip()))),
            Err(error) => {
                tracing::warn!("cannot accept a node's connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (inbound, streams) = (inbound.clone(), streams.clone());
        tokio::task::spawn_local(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            match Arrived::wait(stream, stranger).await {
                Some((Plane::Control, arrived)) => inbound.accept(arrived),
                Some((Plane::Data, arrived)) => {
                    if let Ok(handed_over) = arrived.hand_over() {
                        // The data plane ends only with the process.
                        let _ = streams.send(handed_over).await;
                    }
                }
                None => tracing::debug!("a connection that no node would make was closed"),
            }
        });
    }
}

struct DataThread {
    settings: Settings,
    hello: Arc<Hello>,
    me: Member,
    replicas: Vec<Replica<Tables>>,
    log: LogAppender,
    disk: RealDisk,
    progress: LogProgress,
    view: watch::Receiver<Shown>,
    reports: mpsc::Sender<Heard>,
    recorder: Recorder,
    listener: StdListener,
    entrance: Entrance,
    streams: mpsc::Receiver<HandedOver>,
    stopping: watch::Receiver<bool>,
}

impl DataThread {
    fn run(self, runtime: &LocalRuntime) {
        let patience = self.settings.statement_deadline;
        runtime.block_on(async move {
            let (sink, messages) = mpsc::channel(INBOUND_QUEUE);
            let inbound = Inbound::new(Plane::Data, Arc::clone(&self.hello), sink);
            let (peers, seen) = Peers::new(link_settings(&self.settings, Plane::Data, self.hello));
            let data = Data::new(DataPlane::new(Parts {
                settings: self.settings,
                me: self.me,
                replicas: self.replicas,
                log: self.log,
                disk: self.disk,
                peers,
                reports: self.reports,
                recorder: self.recorder,
            }));
            let inputs = data::Inputs {
                messages,
                progress: self.progress,
                view: self.view,
                seen,
            };
            tokio::task::spawn_local(data.clone().run(inputs));
            tokio::task::spawn_local(take_over(self.streams, inbound));
            let listener = match TcpListener::from_std(self.listener) {
                Ok(listener) => listener,
                Err(error) => crate::failure::stop_at_once(&error),
            };
            let mut stopping = self.stopping.clone();
            let served = http::serve(listener, data, self.entrance, self.stopping);
            let late = async {
                let _ = stopping.wait_for(|stop| *stop).await;
                tokio::time::sleep(patience).await;
            };
            tokio::select! {
                () = served => {}
                () = late => tracing::warn!("some clients could not be answered in time"),
            }
        });
        // Dropping the tasks drops the log, which writes what was handed to it.
    }
}

/// Serves the connections that the control plane's thread has accepted for this one.
async fn take_over(
    mut streams: mpsc::Receiver<HandedOver>,
    inbound: std::rc::Rc<Inbound<data::Message>>,
) {
    while let Some(stream) = streams.recv().await {
        match Arrived::take_over(stream) {
            Ok(arrived) => inbound.accept(arrived),
            Err(error) => tracing::warn!("cannot take a node's connection over: {error}"),
        }
    }
}
