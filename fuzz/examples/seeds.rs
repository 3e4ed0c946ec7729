//! Writes the first inputs of every target below the folder named by the only argument.

use wimkey_fuzz::{answers, hives, replay, texts, wims};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("the folder for the seeds");
    let folder = std::path::Path::new(&folder);
    let hives: Vec<Vec<u8>> = (3..=6).map(|minor| hives::rich(minor, 100).to_vec()).collect();
    let steps = (0_u8..8).map(|seed| {
        (0..600_u32)
            .map(|index| (index * (u32::from(seed) * 2 + 31)) as u8)
            .collect()
    });
    let all = [
        ("hive_open", hives),
        ("hive_ops", steps.collect()),
        ("hive_replay", replay::seeds()),
        ("wim_open", wims::open_seeds()),
        ("wim_update", wims::update_seeds()),
        ("answer_file", answers::seeds()),
        ("registration_file", texts::registration_seeds()),
        ("key_configuration", texts::configuration_seeds()),
    ];
    for (target, seeds) in all {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        for (index, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed)?;
        }
    }
    Ok(())
}
