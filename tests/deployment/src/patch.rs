//! The two kinds of patches of Kustomize.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Lists whose items a strategic merge tells apart by a field; of all others the patch's list takes the place.
const MERGE_KEYS: [(&str, &str); 2] = [("containers", "name"), ("env", "name")];

/// One operation of a JSON patch (RFC 6902).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    op: Op,
    path: String,
    #[serde(default)]
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Add,
    Replace,
    Remove,
}

/// Merges what a patch says into an object. Its kind and name say only what it is for.
pub fn merge_strategically(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (field, new) in patch {
        match (target.get_mut(field), new) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_strategically(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => merge_lists(field, old, new),
            (_, Value::Null) => drop(target.remove(field)),
            (_, new) => drop(target.insert(field.clone(), new.clone())),
        }
    }
}

/// Items that are new come first, as Kustomize puts them.
fn merge_lists(field: &str, old: &mut Vec<Value>, new: &[Value]) {
    let Some((_, key)) = MERGE_KEYS.iter().find(|(list, _)| *list == field) else {
        *old = new.to_vec();
        return;
    };
    let mut added = Vec::new();
    for item in new {
        let same = |one: &&mut Value| one.get(key) == item.get(key);
        match (old.iter_mut().find(same), item) {
            (Some(Value::Object(old)), Value::Object(item)) => merge_strategically(old, item),
            (_, item) => added.push(item.clone()),
        }
    }
    old.splice(0..0, added);
}

/// Applies operations one after the other.
///
/// # Errors
/// Names the path that is not there.
pub fn apply(target: &mut Value, operations: &[Operation]) -> Result<(), String> {
    operations.iter().try_for_each(|operation| {
        apply_one(target, operation).ok_or_else(|| format!("{} is not there", operation.path))
    })
}

fn apply_one(target: &mut Value, operation: &Operation) -> Option<()> {
    let (parent, last) = operation.path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    let value = operation.value.clone();
    match target.pointer_mut(parent)? {
        Value::Object(fields) => {
            if operation.op != Op::Add {
                fields.get(&last)?;
            }
            match operation.op {
                Op::Remove => drop(fields.remove(&last)),
                Op::Add | Op::Replace => drop(fields.insert(last, value)),
            }
        }
        Value::Array(items) => match (operation.op, last.parse::<usize>()) {
            (Op::Add, Err(_)) if last == "-" => items.push(value),
            (Op::Replace, Ok(at)) => *items.get_mut(at)? = value,
            (Op::Remove, Ok(at)) if at < items.len() => drop(items.remove(at)),
            (Op::Add | Op::Replace | Op::Remove, _) => return None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(())
}
