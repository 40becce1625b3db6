//! A node of the cluster: tokio and hyper around protocol and storage.
