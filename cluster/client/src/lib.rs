//! The client library: discovery, table cache, pooled connections and failover.
