//! Hooks: references. Their size counts together with all user data, once that is made.

use super::super::UserData;
use super::super::read::{Document, Step, nearest, steps};
use super::{Rules, repeats};

pub(super) fn check(rules: &mut Rules<'_>) {
    let document = rules.document();
    user_data(rules, document, &steps!["spec", "controlPlane", "userData"], &rules.spec().control_plane.user_data);
    for group in rules.groups {
        user_data(rules, &group.document, &steps!["spec", "userData"], &group.manifest.spec.user_data);
    }
    for (name, script) in &rules.spec().hooks {
        if !script.starts_with("#!") {
            let finding = rules
                .error(format!("hook {:?} does not begin with #!: nothing would run it", name.as_str()))
                .at(document, &steps!["spec", "hooks", name.as_str()], "")
                .hint("begin it with the line #!/bin/sh");
            rules.push(finding);
        }
    }
}

fn user_data(rules: &mut Rules<'_>, document: &Document, path: &[Step], user_data: &UserData) {
    let hooks = &rules.spec().hooks;
    let known: Vec<&str> = hooks.keys().map(|name| name.as_str()).collect();
    for (field, names) in [("before", &user_data.before), ("after", &user_data.after)] {
        let at = |index: usize| -> Vec<Step> { path.iter().cloned().chain(steps![field, index]).collect() };
        for (first, second) in repeats(names) {
            let finding = rules
                .error(format!("the hook {} is listed twice", names[second]))
                .at(document, &at(second), "again here")
                .at(document, &at(first), "first here");
            rules.push(finding);
        }
        for (index, name) in names.iter().enumerate() {
            if hooks.contains_key(name) {
                continue;
            }
            let near = nearest(name.as_str(), &known).map(|near| format!("did you mean {near:?}? "));
            let all = if known.is_empty() { String::from("none") } else { known.join(", ") };
            let finding = rules
                .error(format!("there is no hook {:?}", name.as_str()))
                .at(document, &at(index), "unknown hook")
                .hint(format!("{}hooks of the cluster: {all}", near.unwrap_or_default()));
            rules.push(finding);
        }
    }
}
