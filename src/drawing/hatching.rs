//! Pen on paper: hatching and cross-hatching whose density follows a picture's tone, lines that run
//! around forms, scribble and stipple.

use super::arithmetic::{direction, ease, exponential};
use super::canvas::{Canvas, Colour, EXTENT, Field, Point, blend};
use super::flow::Flow;
use super::palette::Palette;
use super::shape::Shape;
use crate::random::Random;

/// Draws a picture again with a pen.
pub(super) fn pen(picture: &Canvas, random: &mut Random) -> Canvas {
    let tones = picture.tones().normalised();
    let (ink, paper) = inks(random);
    let inverted = random.chance(0.15);
    let (ink, paper) = if inverted { (paper, ink) } else { (ink, paper) };
    let dark = |point: Point| {
        let tone = tones.at(point);
        if inverted { tone } else { 1.0 - tone }
    };
    let coloured = random.chance(0.3);
    let wash = if random.chance(0.35) {
        random.between(0.2, 0.8)
    } else {
        0.0
    };
    let mut index = 0;
    let mut page = Canvas::new(picture.side, |_| {
        index += 1;
        blend(paper, picture.pixels[index - 1], wash)
    });
    let hue = |point: Point| {
        if coloured {
            picture.at(point).map(|v| v * 0.7)
        } else {
            ink
        }
    };
    match random.below(8) {
        0 => stipple(&mut page, &dark, &hue, random),
        1 => scribble(&mut page, &dark, &hue, random),
        2..=5 => hatch(&mut page, &dark, &hue, random),
        _ => follow(&mut page, picture, &dark, &hue, random),
    }
    if random.chance(0.4) {
        contours(&mut page, &tones, ink, random.between(0.5, 1.0));
    }
    page
}

fn inks(random: &mut Random) -> (Colour, Colour) {
    if random.chance(0.4) {
        let grey = random.between(0.0, 0.25);
        let white = random.between(0.8, 1.0);
        return (
            [grey; 3],
            [
                white,
                white * random.between(0.92, 1.0),
                white * random.between(0.8, 1.0),
            ],
        );
    }
    Palette::new(random).extremes()
}

/// Straight lines, in up to four directions where it is darker and darker.
fn hatch(
    page: &mut Canvas,
    dark: &dyn Fn(Point) -> f32,
    hue: &dyn Fn(Point) -> Colour,
    random: &mut Random,
) {
    let layers = 1 + random.below(4);
    let first = random.unit();
    let spacing = exponential(random.between(0.6, 1.8));
    let width = spacing * random.between(0.2, 0.5);
    let wobble = random.between(0.0, 0.3);
    for layer in 0..layers {
        let turn = first + [0.0, 0.25, 0.11, 0.36][layer] + random.between(-0.02, 0.02);
        let [cos, sin] = direction(turn);
        let least = (layer as f32 + 0.35) / (layers as f32 + 0.5);
        let piece = random.between(6.0, 26.0);
        let rows = (2.0 * EXTENT / spacing) as i32;
        for row in 0..rows {
            let across = (row as f32 + wobble * random.normal()) * spacing - EXTENT;
            let mut along = -EXTENT + random.between(0.0, piece);
            while along < EXTENT {
                let far = piece * random.between(0.5, 1.2);
                let place = |t: f32| {
                    let bend = wobble * spacing * random_bend(row, along);
                    let across = across + bend * t * (1.0 - t) * 4.0;
                    let a = along + far * t;
                    [64.0 + a * cos - across * sin, 64.0 + a * sin + across * cos]
                };
                let [start, middle, end] = [0.0, 0.5, 1.0].map(place);
                along += far + random.between(0.0, 1.5);
                if dark(middle) > least && on_page(middle, far) {
                    let pressure = width * (0.6 + 0.8 * ease(dark(middle), least, 1.0));
                    line(page, vec![start, middle, end], pressure, hue(middle));
                }
            }
        }
    }
}

fn random_bend(row: i32, along: f32) -> f32 {
    super::noise::hashed(super::noise::hash(row, along as i32, 9)) - 0.5
}

fn on_page([x, y]: Point, margin: f32) -> bool {
    let inside = -margin..=EXTENT + margin;
    inside.contains(&x) && inside.contains(&y)
}

fn line(page: &mut Canvas, points: Vec<Point>, width: f32, colour: Colour) {
    page.fill(&Shape::Line { points, width }, |_| colour);
}

/// Lines that run along the picture's forms, as an engraver's do.
fn follow(
    page: &mut Canvas,
    picture: &Canvas,
    dark: &dyn Fn(Point) -> f32,
    hue: &dyn Fn(Point) -> Colour,
    random: &mut Random,
) {
    let flow = Flow::new(random, Some(picture));
    let far = random.between(5.0, 22.0);
    let width = random.between(0.5, 1.4);
    let count = (random.between(1.0, 2.4) * EXTENT * EXTENT / (far * width * 3.0)).min(2500.0);
    for _ in 0..count as usize {
        let start = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
        let darkness = dark(start);
        if random.unit() < darkness * 1.1 {
            let points = flow.follow(start, far * random.between(0.5, 1.3), 4);
            line(page, points, width * (0.5 + darkness), hue(start));
        }
    }
}

/// Dots, more and larger where it is dark.
fn stipple(
    page: &mut Canvas,
    dark: &dyn Fn(Point) -> f32,
    hue: &dyn Fn(Point) -> Colour,
    random: &mut Random,
) {
    let size = random.between(0.5, 2.2);
    let count = (random.between(0.8, 2.0) * EXTENT * EXTENT / (size * size * 4.0)).min(7000.0);
    for _ in 0..count as usize {
        let centre = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
        let darkness = dark(centre);
        if random.unit() < darkness * darkness * 1.2 {
            let radius = size * random.between(0.4, 0.7) * (0.6 + darkness);
            let colour = hue(centre);
            page.fill(&Shape::ellipse(centre, [radius; 2]), |_| colour);
        }
    }
}

/// Loops of a pen that stays longer where it is dark.
fn scribble(
    page: &mut Canvas,
    dark: &dyn Fn(Point) -> f32,
    hue: &dyn Fn(Point) -> Colour,
    random: &mut Random,
) {
    let width = random.between(0.4, 1.2);
    let radius = random.between(1.5, 7.0);
    let turn = random.between(0.06, 0.16);
    for _ in 0..(9000.0 / (radius * radius + 6.0)) as usize {
        let centre = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
        if random.unit() > dark(centre) * 1.2 {
            continue;
        }
        let (phase, drift) = (random.unit(), direction(random.unit()));
        let points = (0..12)
            .map(|step| {
                let t = step as f32;
                let [x, y] = direction(phase + turn * t);
                let stray = t * 0.12 * radius;
                [
                    centre[0] + radius * x + drift[0] * stray,
                    centre[1] + radius * y + drift[1] * stray,
                ]
            })
            .collect();
        line(page, points, width, hue(centre));
    }
}

/// Inks the edges between tones.
fn contours(page: &mut Canvas, tones: &Field, ink: Colour, strength: f32) {
    let smooth = tones.clone().blurred(1, 1);
    for index in 0..page.pixels.len() {
        let [x, y] = smooth.slope(index % page.side, index / page.side);
        let edge = ease(super::arithmetic::length(x, y), 0.07, 0.2);
        page.pixels[index] = blend(page.pixels[index], ink, edge * strength);
    }
}
