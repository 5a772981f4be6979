//! nginx, if it is installed, as one process.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command};

use anyhow::Result;

use super::{Peer, become_program, folder, output};
use crate::scenario::{BODY, CONTENT_TYPE, NOT_FOUND_BODY, PATH, Service};
use crate::tls::{CERT_FILE, KEY_FILE};

pub(super) const PEER: Peer = Peer {
    name: "nginx",
    version: || version().unwrap_or_default(),
    services: &[Service::Http, Service::Https, Service::Close],
    prepare: || version().map(drop),
    serve,
};

fn version() -> Result<String> {
    let text = output(Command::new("nginx").arg("-v"))?;
    Ok(text.replace("nginx version: nginx/", ""))
}

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let folder = folder()?.join(format!("nginx-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    fs::write(&file, config(service, addr, &folder))?;
    become_program(
        Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(&file)
            .args(["-e", "/dev/null"]),
    )
}

fn config(service: Service, addr: SocketAddr, folder: &Path) -> String {
    let folder = folder.display();
    let (ssl, identity) = match service.is_tls() {
        true => (
            " ssl",
            format!("ssl_certificate {CERT_FILE}; ssl_certificate_key {KEY_FILE};"),
        ),
        false => ("", String::new()),
    };
    format!(
        "daemon off; master_process off; worker_processes 1; user root;
        pid {folder}/pid; error_log /dev/null crit;
        events {{ worker_connections 15000; multi_accept on; }}
        http {{
            access_log off; default_type {CONTENT_TYPE};
            keepalive_requests 1000000000; server_tokens off;
            client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
            fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
            server {{
                listen {addr}{ssl} backlog=1024;
                {identity}
                location = {PATH} {{ return 200 \"{BODY}\"; }}
                location / {{ return 404 \"{NOT_FOUND_BODY}\"; }}
            }}
        }}
        "
    )
}
