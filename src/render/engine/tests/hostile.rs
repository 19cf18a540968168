//! Templates that mean harm: a clear mistake with its place, soon, and no panic.

use crate::render::testing::mistake;

#[test]
fn an_endless_template_stops() {
    let loops = "{% for a in range(9999) %}\n{% for b in range(9999) %}\n{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    insta::assert_snapshot!(mistake(loops, "", &[]));
}
