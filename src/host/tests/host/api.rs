//! The OpenAPI document and the code say the same.

use std::collections::BTreeSet;

use serde_json::Value;
use wire::{ChallengeAnswer, ChallengeRequest, LogCheckpoint, Message, Problem, ProblemCode, limits};

use crate::support::{World, run};

fn document() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

#[test]
fn its_paths_are_the_routers() {
    let documented: BTreeSet<(String, String)> = document()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase(), path.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    let routed = myna_host::server::routes()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect::<BTreeSet<_>>();
    assert_eq!(documented, routed);
}

#[test]
fn its_examples_are_messages_and_come_back_as_they_were() {
    fn check<M: Message>(name: &str) {
        let examples = document()["components"]["schemas"][name]["examples"].as_array().unwrap().clone();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            let message =
                M::parse(example.to_string().as_bytes()).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let again: Value = serde_json::from_slice(&message.to_bytes().unwrap()).unwrap();
            assert_eq!(again, example, "{name}");
            let properties =
                document()["components"]["schemas"][name]["properties"].as_object().unwrap().clone();
            let fields: BTreeSet<_> = example.as_object().unwrap().keys().cloned().collect();
            assert_eq!(
                fields,
                properties.keys().cloned().collect::<BTreeSet<_>>(),
                "{name}: every field is described"
            );
        }
    }
    check::<ChallengeRequest>("ChallengeRequest");
    check::<ChallengeAnswer>("ChallengeAnswer");
    check::<LogCheckpoint>("LogCheckpoint");
    check::<Problem>("Problem");
}

#[test]
fn its_codes_and_limits_are_those_of_wire() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let codes: Vec<&str> =
        schemas["ProblemCode"]["enum"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert_eq!(codes, ProblemCode::ALL.map(ProblemCode::as_str));
    let answer = &schemas["ChallengeAnswer"]["properties"];
    assert_eq!(answer["consent_by_s"]["maximum"], limits::CONSENT_BY_S_MAX);
    assert_eq!(answer["accept_until_days"]["maximum"], limits::ACCEPT_UNTIL_DAYS_MAX);
    assert_eq!(schemas["LogCheckpoint"]["properties"]["sequence"]["maximum"], limits::JSON_INTEGER_MAX);
    let body =
        &document["paths"][wire::PATH_REGISTRATIONS]["post"]["requestBody"]["content"]["application/cms"];
    assert_eq!(body["schema"]["maxLength"], limits::REGISTRATION_BYTES_MAX);
}

#[test]
fn its_references_lead_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|inner| references(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn the_host_serves_it_with_health_and_metrics() {
    run(async {
        let world = World::new().await;
        let client = world.client("T0001");
        let served = client.get(wire::PATH_OPENAPI).await;
        assert_eq!(serde_json::from_slice::<Value>(&served.body).unwrap(), document());
        assert_eq!(client.get(wire::PATH_HEALTH).await.body, br#"{"status":"ok"}"#);
        let metrics = client.get(wire::PATH_METRICS).await;
        assert_eq!(metrics.status, 200);
        let text = String::from_utf8(metrics.body).unwrap();
        assert!(text.ends_with("# EOF\n"), "OpenMetrics");
        assert!(text.contains("myna_host_revocation_usable 1"), "{text}");
        assert!(text.contains("myna_host_connections 1"), "{text}");
    });
}
