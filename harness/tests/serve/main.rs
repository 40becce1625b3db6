//! `kensho serve` over a folder of runs: what a browser asks for, and what others must not get.

mod browser;
mod client;
mod fixture;
mod live;
mod pages;
