use resi_protocol::SeededStream;

use super::deal::Candidate;
use super::lanes::Lane;
use super::spread::Seat;

/// Splits the miners of a batch into groups of these sizes that are alike in credibility, the miners of one owner into
/// the same group. What fits no group is left out, which happens only where owners may have several miners in one.
///
/// Gives positions among the candidates.
pub(super) fn split(
    seats: &[Seat],
    lanes: &[Lane],
    candidates: &[Candidate],
    sizes: &[usize],
    stream: &mut SeededStream,
) -> Vec<Vec<usize>> {
    let mut seats = seats.to_vec();
    seats.sort_unstable_by_key(|seat| (lanes[seat.lane].owner, seat.lane));
    let mut together: Vec<Vec<usize>> = seats
        .chunk_by(|a, b| lanes[a.lane].owner == lanes[b.lane].owner)
        .map(|seats| seats.iter().map(|seat| seat.miner).collect())
        .collect();
    stream.shuffle(&mut together);
    // Those who are hardest to place first, then by credibility: neighbours in this order go to different groups.
    let credibility = |miners: &[usize]| -> f64 {
        miners.iter().map(|miner| candidates[*miner].credibility).sum()
    };
    together.sort_by(|a, b| {
        b.len().cmp(&a.len()).then_with(|| credibility(b).total_cmp(&credibility(a)))
    });

    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
    for miners in together {
        let room = |group: usize| sizes[group] - groups[group].len();
        let most = (0..sizes.len()).map(room).max().unwrap_or(0);
        let mut roomiest: Vec<usize> =
            (0..sizes.len()).filter(|group| room(*group) == most).collect();
        stream.shuffle(&mut roomiest);
        if let Some(&group) = roomiest.first() {
            groups[group].extend(miners.into_iter().take(most));
        }
    }
    groups
}
