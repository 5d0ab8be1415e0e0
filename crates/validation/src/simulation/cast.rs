use resi_protocol::Hotkey;

use super::actor::Behaviour;
use super::rng::Rng;
use super::scenario::{Scenario, World};
use crate::consensus::Share;
use crate::{Coldkey, Credibilities, Miner};

/// Who a miner is, for all epochs.
#[derive(Clone, Debug)]
pub(super) struct Player {
    pub(super) hotkey: Hotkey,
    pub(super) owner: Coldkey,
    pub(super) role: Option<Role>,
    pub(super) missed: f64,
    pub(super) misread: f64,
    /// Prices are rounded to this.
    pub(super) rounding: u32,
    pub(super) tool: Option<usize>,
}

/// What a dishonest miner belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) actor: usize,
    /// Its number among those of its actor.
    pub(super) number: usize,
    pub(super) behaviour: Behaviour,
}

/// All miners of a scenario; which uid is what depends on the seed.
pub(super) fn cast(scenario: &Scenario, seed: u64) -> Vec<Player> {
    let world = &scenario.world;
    let mut rng = Rng::of(&[seed, 3]);
    let mut uids: Vec<usize> = (0..world.miners).collect();
    rng.shuffle(&mut uids);
    let mut players: Vec<Player> =
        (0..world.miners).map(|uid| honest(uid, world, &mut rng)).collect();
    let mut uids = uids.into_iter();
    for (actor, of) in scenario.actors.iter().enumerate() {
        let count = (of.share * world.miners as f64).round() as usize;
        for (number, uid) in uids.by_ref().take(count).enumerate() {
            players[uid].role = Some(Role { actor, number, behaviour: of.behaviour });
            if let Behaviour::Ring { miners_per_owner, .. } = of.behaviour
                && miners_per_owner > 1
            {
                players[uid].owner =
                    Coldkey(key(&format!("owner-of-many-{actor}-{}", number / miners_per_owner)));
            }
        }
    }
    players
}

/// A name of at most 32 bytes as a key.
fn key(name: &str) -> Hotkey {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, of_name)| *byte = of_name);
    Hotkey::from_bytes(bytes)
}

fn honest(uid: usize, world: &World, rng: &mut Rng) -> Player {
    Player {
        hotkey: key(&format!("miner-{uid}")),
        owner: Coldkey(key(&format!("owner-{uid}"))),
        role: None,
        missed: rng.between(world.missed[0], world.missed[1]),
        misread: rng.between(world.misread[0], world.misread[1]),
        rounding: [1, 100, 1000][rng.below(3)],
        tool: (world.tools > 0).then(|| rng.below(world.tools.max(1))),
    }
}

/// A part of the honest miners leaves, and others come in their place.
pub(super) fn renew(players: &mut [Player], share: f64, credibility: &mut [Share], seed: u64) {
    let mut rng = Rng::of(&[seed, 4]);
    for (uid, player) in players.iter_mut().enumerate().filter(|(_, player)| player.role.is_none())
    {
        if rng.chance(share) {
            player.hotkey = key(&format!("newcomer-{uid}"));
            player.owner = Coldkey(key(&format!("new-owner-{uid}")));
            credibility[uid] = Share::percent(50);
        }
    }
}

pub(super) fn miners(players: &[Player]) -> Vec<Miner> {
    let miner = |(uid, player): (usize, &Player)| Miner {
        uid: uid as u16,
        hotkey: player.hotkey,
        coldkey: player.owner,
        active: true,
    };
    players.iter().enumerate().map(miner).collect()
}

pub(super) fn credibilities(players: &[Player], credibility: &[Share]) -> Credibilities {
    let mut credibilities = Credibilities::default();
    for (player, credibility) in players.iter().zip(credibility) {
        credibilities.set(player.hotkey, *credibility);
    }
    credibilities
}

/// Who sits in which batch: uids by batch, as many of every group as the world says, no owner twice in a batch, and
/// nobody with two batches more than another as far as that allows.
pub(super) fn deal(players: &[Player], world: &World, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut rng = Rng::of(&[seed, 5, epoch]);
    let mut load = vec![0usize; players.len()];
    let mut order: Vec<usize> = (0..players.len()).collect();
    (0..world.batches)
        .map(|_| {
            rng.shuffle(&mut order);
            order.sort_by_key(|&uid| load[uid]);
            let mut owners = std::collections::BTreeSet::new();
            let mut seated: Vec<usize> = order
                .iter()
                .copied()
                .filter(|&uid| {
                    owners.len() < world.group * world.groups && owners.insert(&players[uid].owner)
                })
                .collect();
            seated.iter().for_each(|&uid| load[uid] += 1);
            rng.shuffle(&mut seated);
            seated
        })
        .collect()
}
