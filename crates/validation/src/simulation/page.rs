use super::{Line, Run};
/// x
pub fn page(_lines: &[Line], _runs: &[Run]) -> String {
    String::new()
}
