//! Twenty thousand random inputs: keys, clicks, drags, wheels, texts, another size of the window. Nothing may panic, no
//! widget's id may clash, and the window must still work afterwards.

use egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2,
    vec2,
};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::pane::Pane;

use crate::fixture::{Chance, cpu, gpu, settle, window_of};

const INPUTS: usize = 20_000;
/// Inputs of one frame.
const A_FRAME: usize = 8;

const KEYS: [Key; 30] = [
    Key::W,
    Key::S,
    Key::A,
    Key::D,
    Key::F,
    Key::N,
    Key::C,
    Key::Q,
    Key::P,
    Key::K,
    Key::Num0,
    Key::Period,
    Key::Comma,
    Key::Slash,
    Key::Escape,
    Key::Enter,
    Key::Z,
    Key::Y,
    Key::T,
    Key::Tab,
    Key::OpenBracket,
    Key::CloseBracket,
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::Plus,
    Key::Minus,
    Key::Questionmark,
    Key::Space,
];

fn modifiers(chance: &mut Chance) -> Modifiers {
    match chance.between(0, 6) {
        0 => Modifiers::COMMAND,
        1 => Modifiers::SHIFT,
        2 => Modifiers::COMMAND | Modifiers::SHIFT,
        _ => Modifiers::NONE,
    }
}

fn input(chance: &mut Chance, pointer: &mut Pos2, size: Vec2) -> Vec<Event> {
    let anywhere = |chance: &mut Chance| {
        Pos2::new(chance.between(0, size.x as i64) as f32, chance.between(0, size.y as i64) as f32)
    };
    match chance.between(0, 12) {
        0..=2 => {
            *pointer = anywhere(chance);
            vec![Event::PointerMoved(*pointer)]
        }
        3..=5 => {
            let button = match chance.between(0, 5) {
                0 => PointerButton::Secondary,
                1 => PointerButton::Middle,
                _ => PointerButton::Primary,
            };
            let pressed = chance.between(0, 2) == 0;
            vec![Event::PointerButton {
                pos: *pointer,
                button,
                pressed,
                modifiers: modifiers(chance),
            }]
        }
        6 | 7 => {
            let delta = vec2(chance.between(-120, 120) as f32, chance.between(-120, 120) as f32);
            vec![Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta,
                phase: TouchPhase::Move,
                source: MouseWheelSource::Unknown,
                modifiers: modifiers(chance),
            }]
        }
        8 => vec![Event::Text(["a", "flash", "µ", "é", " "][chance.between(0, 5) as usize].into())],
        9 => vec![Event::PointerGone],
        _ => {
            let key = KEYS[chance.between(0, KEYS.len() as i64) as usize];
            let modifiers = modifiers(chance);
            let event =
                |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
            vec![event(true), event(false)]
        }
    }
}

fn play(harness: &mut Harness<'_, App>, seed: u64, inputs: usize) {
    let mut chance = Chance::new(seed);
    let mut pointer = Pos2::ZERO;
    let mut size = vec2(1280.0, 720.0);
    for number in 0..inputs {
        for event in input(&mut chance, &mut pointer, size) {
            harness.input_mut().events.push(event);
        }
        if number % 2_500 == 1_250 {
            size = vec2(chance.between(300, 1900) as f32, chance.between(200, 1100) as f32);
            harness.set_size(size);
        }
        if number % 400 == 0 {
            let pane = Pane::ALL[chance.between(0, Pane::ALL.len() as i64) as usize];
            harness.state_mut().open_first(Some(pane));
        }
        if number % A_FRAME == 0 {
            harness.step();
        }
    }
}

#[test]
fn random_inputs_never_break_the_window() {
    // Whatever is saved by chance is saved there.
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    for (seed, document) in [(11, gpu()), (12, cpu())] {
        let mut harness =
            window_of(document, egui::Theme::Dark, Pane::Overview, (1280.0, 720.0), 1.0);
        play(&mut harness, seed, INPUTS / 2);
        // Whatever is held, open or written: everything can be undone.
        for _ in 0..3 {
            harness.key_press(Key::Escape);
            harness.step();
        }
        harness.state_mut().dock.reset();
        harness.state_mut().open_first(Some(Pane::Timeline));
        harness.set_size(vec2(1440.0, 900.0));
        settle(&mut harness);
        if harness.state().session().is_some() {
            assert!(harness.query_by_label_contains("Timeline, ").is_some(), "seed {seed}");
        }
    }
}
