//! Settings from the environment; after gevent's own test___config.py. Each test
//! runs in a process of its own: settings are made once.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "tests")]

#[path = "support/again.rs"]
mod again;

use std::time::Duration;

use maypole_runtime::{Config, Hub, spawn, threadpool};

/// Runs `body` in a process that has `variables` set.
fn with_env(name: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    if again::is_alone(name) {
        return body();
    }
    let mut command = again::command(name);
    let output = command
        .envs(variables.iter().copied())
        .output_timeout(Duration::from_secs(60))
        .unwrap();
    let text = again::text(&output.stdout) + &again::text(&output.stderr);
    assert!(text.contains("running 1 test"), "{text}");
    assert!(output.status.success(), "{text}");
}

#[test]
fn the_environment_sets_what_the_program_did_not() {
    let variables = [
        ("MAYPOLE_STACK_SIZE", "64K"),
        ("MAYPOLE_TIME_SLICE", "3 ms"),
        ("MAYPOLE_THREADPOOL_SIZE", "2"),
        ("MAYPOLE_TRACK", "1"),
        ("MAYPOLE_MONITOR", "50ms"),
    ];
    with_env(
        "the_environment_sets_what_the_program_did_not",
        &variables,
        || {
            let config = Config::new().thread_pool_size(7);
            config.overridden_by_env().unwrap().install().unwrap();
            assert_eq!(threadpool::default_pool().size(), 2);
            let child = spawn(|| maypole_runtime::inspect::run_info().greenlets().len());
            assert_eq!(child.get().unwrap(), 1, "greenlets are tracked");
            // The hub runs: what it began with cannot be set any more.
            assert!(Hub::set_stack_size(128 * 1024).is_err());
            assert!(Config::new().thread_pool_size(3).install().is_err());
        },
    );
}

#[test]
fn setters_after_the_environment_are_stronger() {
    let variables = [("MAYPOLE_THREADPOOL_SIZE", "2")];
    with_env(
        "setters_after_the_environment_are_stronger",
        &variables,
        || {
            let config = Config::from_env().unwrap().thread_pool_size(4);
            config.install().unwrap();
            assert_eq!(threadpool::default_pool().size(), 4);
        },
    );
}

#[test]
fn a_wrong_value_is_an_error_that_names_the_variable() {
    for (variable, value) in [
        ("MAYPOLE_HUBS", "0"),
        ("MAYPOLE_STACK_SIZE", "big"),
        ("MAYPOLE_TIME_SLICE", "5"),
        ("MAYPOLE_THREADPOOL_SIZE", "none"),
        ("MAYPOLE_TRACK", "maybe"),
        ("MAYPOLE_MONITOR", "-1s"),
    ] {
        let name = "a_wrong_value_is_an_error_that_names_the_variable";
        if again::is_alone(name) && std::env::var_os(variable).is_none() {
            continue;
        }
        with_env(name, &[(variable, value)], || {
            let error = Config::from_env().unwrap_err();
            assert_eq!(error.variable(), variable);
            let text = error.to_string();
            assert!(text.contains(variable) && text.contains(value), "{text}");
        });
    }
}
