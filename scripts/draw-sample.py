#!/usr/bin/env python3
"""Draws the two pictures of the sample bundle: a harbour at dusk, and brush strokes along a flow.

    python3 scripts/draw-sample.py [FOLDER]      (default: src/cli/sample)

Needs numpy and Pillow. Seeded: the same versions draw the same pictures. Everything is computed
here; no photograph or painting is read.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OVER = 2  # everything is drawn at twice the size and reduced at the end


# Noise and colour.


def noise(rng, shape, cells):
    """Smooth noise in 0-1 with about `cells` (rows, columns) of structure."""
    rows, columns = (max(2, int(round(count)) + 1) for count in cells)
    coarse = Image.fromarray(rng.random((rows, columns)).astype("float32"))
    return np.clip(np.asarray(coarse.resize((shape[1], shape[0]), Image.BICUBIC)), 0, 1)


def layered(rng, shape, cells, octaves=5, gain=0.5):
    """Several octaves of noise, scaled to 0-1."""
    total = sum(
        gain**k * noise(rng, shape, (cells[0] * 2**k, cells[1] * 2**k)) for k in range(octaves)
    )
    return (total - total.min()) / (total.max() - total.min())


def ramp(t, stops):
    """Colours along `stops` (position, (r, g, b)) at the positions `t`."""
    places = [place for place, _ in stops]
    return np.stack(
        [np.interp(t, places, [colour[c] for _, colour in stops]) for c in range(3)], -1
    )


def mix(below, above, amount):
    return below + (np.asarray(above, "float32") - below) * np.asarray(amount)[..., None]


def smooth(t, low, high):
    t = np.clip((t - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def picture(array):
    return Image.fromarray(np.clip(array, 0, 255).astype("uint8"))


# The harbour.

WIDTH, HEIGHT = 576, 432
HORIZON = 0.575
SUN = (0.63, 0.515)


def sky(rng, w, h):
    y, x = np.mgrid[:h, :w].astype("float32")
    u, v = x / w, y / h
    t = v / HORIZON
    colours = ramp(
        t + 0.05 * (noise(rng, (h, w), (3, 4)) - 0.5),
        [
            (0.00, (28, 38, 88)),
            (0.25, (62, 62, 128)),
            (0.48, (136, 88, 140)),
            (0.66, (220, 122, 116)),
            (0.82, (250, 168, 98)),
            (0.96, (255, 212, 138)),
            (1.10, (255, 226, 164)),
        ],
    )
    away = np.hypot((u - SUN[0]) * w / h, v - SUN[1])
    colours = mix(colours, (255, 214, 130), 0.75 * np.exp(-((away / 0.20) ** 2)))
    colours = mix(colours, (255, 236, 176), 0.55 * np.exp(-((away / 0.09) ** 2)))
    for cells, height, low, high, strength in [
        ((6, 2.2), 0.20, 0.50, 0.80, 0.80),
        ((10, 3), 0.36, 0.50, 0.74, 0.85),
        ((16, 4), 0.47, 0.50, 0.72, 0.75),
    ]:
        field = layered(rng, (h, w), cells, octaves=6, gain=0.55)
        band = np.exp(-(((v - height) / 0.10) ** 2))
        cover = smooth(field, low, high) * band * strength
        # Lit from below: where the cloud thins out downwards it catches the sun.
        edge = np.clip(np.roll(field, -int(h * 0.012), 0) - field, -0.2, 0.2) * -5
        near = np.exp(-away / 0.40)
        lit = ramp(np.clip(near + 0.1, 0, 1), [(0, (196, 110, 132)), (0.5, (255, 150, 98)), (1, (255, 226, 150))])
        shade = ramp(t, [(0, (44, 44, 92)), (0.6, (112, 76, 122)), (1, (186, 108, 112))])
        cloud = mix(shade, lit, np.clip(0.35 + edge * 2.2, 0, 1))
        colours = mix(colours, cloud, cover)
    disc = smooth(away, 0.047, 0.0435)
    colours = mix(colours, (255, 248, 214), disc)
    stars = rng.random((60, 2))
    for px, py in stars:
        if py < 0.6:
            r, c = int(py * 0.42 * h), int(px * w)
            glow = (1 - py / 0.6) * 120
            colours[r : r + 2, c : c + 2] += glow
    return colours


def ridge(rng, w, base, amplitude, cells):
    line = layered(rng, (2, w), (1, cells), octaves=6, gain=0.5)[0]
    return base - amplitude * line


def hills(rng, land, w, h):
    y = np.arange(h)[:, None] / h
    x = np.arange(w)[None, :] / w
    layers = [
        (0.565, 0.135, 5, (186, 122, 136), (226, 150, 128), 0.0),
        (0.570, 0.105, 7, (136, 92, 126), (186, 112, 118), 0.2),
        (0.578, 0.085, 9, (84, 66, 104), (120, 80, 104), 0.5),
    ]
    for index, (base, amplitude, cells, top, foot, lift) in enumerate(layers):
        line = ridge(rng, w, base, amplitude, cells)
        # Open water under the sun, higher land to the left.
        span = np.linspace(0, 1, w)
        open_water = 1 - 0.72 * np.exp(-(((span - SUN[0]) / 0.17) ** 2))
        line = base - (base - line) * open_water * (1 + lift * (1 - span) * 1.5)
        inside = smooth(y, line[None, :] - 0.0015, line[None, :] + 0.0015) * (y < HORIZON + 0.004)
        depth = np.clip((y - line[None, :]) / 0.10, 0, 1)
        texture = layered(rng, (h, w), (40 + 20 * index, 46 + 20 * index), octaves=4)
        colours = np.asarray(top, "float32") + (np.subtract(foot, top)) * depth[..., None]
        colours = colours * (0.86 + 0.28 * texture[..., None])
        warm = np.exp(-np.abs(x - SUN[0]) / 0.22)
        colours = mix(colours, (255, 176, 112), 0.35 * warm * (1 - 0.25 * index) * np.ones_like(y))
        land[:] = mix(land, colours, inside)


WALLS = [(226, 196, 168), (206, 140, 112), (232, 214, 190), (184, 116, 98), (214, 174, 120), (160, 150, 168), (198, 160, 150)]
ROOFS = [(150, 66, 52), (122, 54, 54), (96, 58, 74), (168, 84, 58), (84, 62, 84)]


def dim(colour, light):
    dusk = (62, 46, 92)
    return tuple(int(d + (c - d) * light) for c, d in zip(colour, dusk))


def house(draw, rng, x, foot, wide, tall, light):
    wall = dim(WALLS[rng.integers(len(WALLS))], light)
    roof = dim(ROOFS[rng.integers(len(ROOFS))], light)
    top = foot - tall
    draw.rectangle([x, top, x + wide, foot], fill=wall)
    # The side away from the sun.
    draw.rectangle([x, top, x + wide * 0.30, foot], fill=tuple(int(v * 0.80) for v in wall))
    peak = top - wide * rng.uniform(0.30, 0.55)
    eave = wide * 0.07
    if rng.random() < 0.6:
        draw.polygon([(x - eave, top), (x + wide / 2, peak), (x + wide + eave, top)], fill=roof)
        bright = tuple(min(255, int(v * 1.28)) for v in roof)
        draw.polygon([(x + wide / 2, peak), (x + wide + eave, top), (x + wide * 0.62, top)], fill=bright)
    else:
        draw.polygon(
            [(x - eave, top), (x + wide * 0.16, peak), (x + wide * 0.84, peak), (x + wide + eave, top)],
            fill=roof,
        )
        for k in range(1, 4):
            level = peak + (top - peak) * k / 4
            draw.line([(x + wide * 0.08, level), (x + wide * 0.92, level)], fill=tuple(int(v * 0.85) for v in roof))
    if rng.random() < 0.6:
        cx = x + wide * rng.uniform(0.2, 0.7)
        draw.rectangle([cx, peak - wide * 0.08, cx + wide * 0.10, top - 1], fill=tuple(int(v * 0.8) for v in wall))
    columns = max(2, int(wide / 15))
    rows = max(1, int(tall / 20))
    for row in range(rows):
        for column in range(columns):
            wx = x + wide * (column + 0.5) / columns
            wy = top + tall * (row + 0.42) / rows
            half_w, half_h = wide / columns * 0.17, tall / rows * 0.24
            glow = rng.random() < 0.45
            fill = (255, 214, 122) if glow else dim((70, 66, 96), 0.9)
            draw.rectangle([wx - half_w, wy - half_h, wx + half_w, wy + half_h], fill=fill)
            draw.line([(wx, wy - half_h), (wx, wy + half_h)], fill=tuple(int(v * 0.7) for v in wall))


def town(rng, land, w, h):
    image = picture(land)
    draw = ImageDraw.Draw(image)
    quay = h * (HORIZON + 0.012)
    for row, (rise, size, count, light) in enumerate([(0.115, 34, 9, 0.46), (0.075, 40, 10, 0.58), (0.038, 46, 9, 0.72), (0.0, 54, 9, 0.88)]):
        for index in range(count):
            reach = 0.40 - 0.02 * (3 - row) - rise * 0.7
            x = w * (-0.02 + reach * (index + rng.uniform(-0.15, 0.15)) / count)
            slope = rise * (1 - 0.75 * (x / (w * 0.44)) ** 2)
            wide = size * rng.uniform(0.80, 1.25)
            tall = size * rng.uniform(0.75, 1.45)
            foot = quay - h * max(slope, 0) + 3
            house(draw, rng, x, foot, wide, tall, light * rng.uniform(0.92, 1.08))
            if row < 3 and rng.random() < 0.7:
                tree(draw, rng, x + wide, foot + 4, size * rng.uniform(0.28, 0.45))
        if row == 1:
            tower(draw, w * 0.150, quay - h * 0.060, w)
    # Quay wall.
    draw.rectangle([0, quay - 2, w * 0.425, quay + h * 0.017], fill=(104, 82, 96))
    draw.line([(0, quay - 2), (w * 0.425, quay - 2)], fill=(206, 152, 128), width=3)
    for x in np.arange(0, w * 0.425, 17):
        draw.line([(x, quay), (x + rng.uniform(-3, 3), quay + h * 0.017)], fill=(78, 62, 82))
    lighthouse(draw, rng, w, h)
    land[:] = np.asarray(image, "float32")


def tree(draw, rng, x, foot, r):
    for _ in range(26):
        a, d = rng.uniform(0, 2 * np.pi), r * np.sqrt(rng.random())
        cx, cy = x + np.cos(a) * d, foot - r * 1.1 + np.sin(a) * d
        s = r * rng.uniform(0.14, 0.32)
        lit = np.clip(0.5 + np.cos(a) * 0.4 - np.sin(a) * 0.3, 0, 1)
        fill = tuple(int(v) for v in ramp(np.array(lit), [(0, (44, 52, 62)), (1, (128, 112, 72))]))
        draw.ellipse([cx - s, cy - s, cx + s, cy + s], fill=fill)


def tower(draw, x, foot, w):
    wide, tall = w * 0.026, w * 0.105
    top = foot - tall
    draw.rectangle([x, top, x + wide, foot], fill=(206, 166, 146))
    draw.rectangle([x, top, x + wide * 0.35, foot], fill=(150, 116, 124))
    draw.polygon([(x - 2, top), (x + wide / 2, top - wide * 1.9), (x + wide + 2, top)], fill=(96, 62, 82))
    draw.polygon([(x + wide / 2, top - wide * 1.9), (x + wide + 2, top), (x + wide * 0.6, top)], fill=(150, 86, 84))
    draw.ellipse([x + wide * 0.28, top + 9, x + wide * 0.72, top + 9 + wide * 0.44], fill=(255, 226, 150))
    for k in (0.40, 0.62):
        y = top + tall * k
        draw.rectangle([x + wide * 0.40, y, x + wide * 0.60, y + tall * 0.09], fill=(84, 62, 86))


def lighthouse(draw, rng, w, h):
    level = h * (HORIZON + 0.012)
    # Breakwater of stones.
    for _ in range(420):
        t = rng.random()
        x = w * (0.815 + 0.20 * t)
        y = level + rng.uniform(-0.016, 0.010) * h * (0.6 + t)
        r = rng.uniform(4, 11)
        shade = rng.uniform(0.55, 1.05)
        draw.ellipse([x - r, y - r * 0.7, x + r, y + r * 0.7], fill=tuple(int(v * shade) for v in (126, 96, 102)))
    x, foot, tall, wide = w * 0.868, level - h * 0.012, h * 0.185, w * 0.030
    top = foot - tall
    for k in range(5):
        a, b = k / 5, (k + 1) / 5
        wa, wb = wide * (1 - 0.38 * a) / 2, wide * (1 - 0.38 * b) / 2
        ya, yb = foot - tall * a, foot - tall * b
        colour = (196, 66, 54) if k % 2 == 0 else (240, 222, 200)
        dark = tuple(int(v * 0.66) for v in colour)
        draw.polygon([(x - wa, ya), (x + wa, ya), (x + wb, yb), (x - wb, yb)], fill=dark)
        draw.polygon([(x - wa, ya), (x + wa * 0.25, ya), (x + wb * 0.25, yb), (x - wb, yb)], fill=colour)
    cap = wide * 0.44
    draw.rectangle([x - cap, top - 3, x + cap, top + 2], fill=(70, 52, 70))
    draw.rectangle([x - cap * 0.55, top - wide * 0.55, x + cap * 0.55, top - 3], fill=(255, 238, 172))
    draw.line([(x, top - wide * 0.55), (x, top - 3)], fill=(70, 52, 70), width=2)
    draw.polygon([(x - cap * 0.8, top - wide * 0.55), (x, top - wide), (x + cap * 0.8, top - wide * 0.55)], fill=(150, 56, 52))


def water(rng, land, w, h):
    """Mirrors what stands above the horizon, with waves that grow towards the viewer."""
    out = land.copy()
    level = int(h * (HORIZON + 0.026))
    rows = np.arange(level, h)
    near = (rows - level) / (h - level)
    wobble = layered(rng, (h, w), (64, 9), octaves=5, gain=0.62) - 0.5
    fine = layered(rng, (h, w), (170, 26), octaves=3, gain=0.6) - 0.5
    x = np.arange(w)
    for row, n in zip(rows, near):
        waves = wobble[row] * (7 + 150 * n) + fine[row] * (5 + 50 * n)
        mirrored = 2 * level - row + waves * 0.75 - 8 * n
        r = np.clip(mirrored, 0, level - 1)
        low = np.floor(r).astype(int)
        high = np.minimum(low + 1, level - 1)
        c = np.clip(x + (fine[row] * (6 + 26 * n)).astype(int), 0, w - 1)
        t = (r - low)[:, None]
        reflected = land[low, c] * (1 - t) + land[high, c] * t
        slope = np.clip((wobble[row] + 0.7 * fine[row]) * 2.6, -1, 1)[:, None]
        deep = np.array([30, 44, 84], "float32")
        seen = 0.86 - 0.40 * n
        colour = deep + (reflected - deep) * np.clip(seen + 0.34 * slope, 0.12, 1)
        out[row] = colour * (0.94 + 0.12 * slope)
    # The sun's road.
    yy = near[:, None]
    road = np.exp(-(((x[None, :] / w - SUN[0]) / (0.026 + 0.075 * yy)) ** 2))
    glints = fine[level:] + 0.8 * wobble[level:]
    spark = smooth(glints, 0.02 + 0.10 * yy, 0.16 + 0.12 * yy) * road * (1 - 0.25 * yy)
    out[level:] = mix(out[level:], (255, 226, 150), 0.92 * np.clip(spark, 0, 1))
    out[level - 2 : level + 1, : int(w * 0.425)] *= 0.8
    return out


def boat_layer(w, h):
    image = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def sail_boat(rng, w, h, x, level, size, hull, sails):
    image, draw = boat_layer(w, h)
    s = size
    mast = x + s * 0.04
    top = level - s * 1.50
    main, jib = sails
    # Main sail in panels, bellied, lit from the sun's side.
    def curve(a, b, belly):
        t = np.linspace(0, 1, 14)
        return [(a[0] + (b[0] - a[0]) * k + belly * np.sin(np.pi * k), a[1] + (b[1] - a[1]) * k) for k in t]

    tip, tack, clew = (mast, top), (mast, level - s * 0.26), (mast - s * 0.66, level - s * 0.22)
    draw.polygon(curve(tip, clew, -s * 0.10) + [tack], fill=main)
    for k in range(1, 6):
        a = np.array(tip) + (np.array(clew) - tip) * k / 6 + (-s * 0.10 * np.sin(np.pi * k / 6), 0)
        b = np.array(tip) + (np.array(tack) - tip) * k / 6
        shade = tuple(int(v * (0.80 if k % 2 else 0.90)) for v in main[:3])
        draw.line([tuple(a), tuple(b)], fill=shade, width=2)
    bow = (x + s * 0.60, level - s * 0.18)
    draw.polygon(curve((mast + 2, top + s * 0.16), bow, -s * 0.02) + [(mast + s * 0.05, level - s * 0.26)], fill=jib)
    for k in range(1, 4):
        y = top + s * 0.16 + (level - s * 0.26 - top - s * 0.16) * k / 4
        draw.line([(mast + s * 0.04, y), (mast + s * 0.04 + s * 0.52 * k / 4, y + 3)], fill=tuple(int(v * 0.86) for v in jib[:3]), width=1)
    draw.line([(mast, top - s * 0.06), (mast, level - s * 0.1)], fill=(58, 40, 46), width=max(2, int(s * 0.022)))
    draw.polygon([(mast, top - s * 0.06), (mast - s * 0.15, top - s * 0.03), (mast, top)], fill=(206, 64, 56))
    draw.line([tack, clew], fill=(70, 46, 46), width=max(2, int(s * 0.018)))
    hull_points = [
        (x - s * 0.68, level - s * 0.20),
        (x + s * 0.70, level - s * 0.24),
        (x + s * 0.52, level + s * 0.02),
        (x - s * 0.56, level + s * 0.02),
    ]
    draw.polygon(hull_points, fill=hull)
    draw.polygon([hull_points[0], hull_points[1], (x + s * 0.66, level - s * 0.17), (x - s * 0.65, level - s * 0.14)], fill=tuple(min(255, int(v * 1.5)) for v in hull))
    draw.line([(x - s * 0.60, level - s * 0.07), (x + s * 0.58, level - s * 0.09)], fill=(244, 214, 170), width=max(1, int(s * 0.018)))
    # Two people.
    for px, coat in ((x - s * 0.34, (178, 62, 58)), (x - s * 0.16, (52, 70, 104))):
        draw.ellipse([px - s * 0.035, level - s * 0.40, px + s * 0.035, level - s * 0.33], fill=(222, 170, 136))
        draw.polygon([(px - s * 0.06, level - s * 0.19), (px + s * 0.06, level - s * 0.20), (px + s * 0.04, level - s * 0.335), (px - s * 0.04, level - s * 0.335)], fill=coat)
    return image


def row_boat(w, h, x, level, s, hull, inside):
    image, draw = boat_layer(w, h)
    draw.polygon([(x - s, level - s * 0.30), (x + s, level - s * 0.34), (x + s * 0.72, level + s * 0.06), (x - s * 0.74, level + s * 0.06)], fill=hull)
    draw.polygon([(x - s, level - s * 0.30), (x + s, level - s * 0.34), (x + s * 0.82, level - s * 0.22), (x - s * 0.84, level - s * 0.18)], fill=inside)
    for k in (-0.4, 0.0, 0.4):
        draw.line([(x + s * k, level - s * 0.29), (x + s * k + s * 0.05, level - s * 0.20)], fill=(206, 160, 112), width=max(2, int(s * 0.06)))
    draw.line([(x - s * 0.95, level - s * 0.14), (x + s * 0.90, level - s * 0.17)], fill=tuple(min(255, int(v * 1.45)) for v in hull), width=max(2, int(s * 0.05)))
    return image


def float_on(rng, scene, layer, level, strength=0.8):
    """Lays a boat over the water, and under it its own broken reflection."""
    h, w = scene.shape[:2]
    rgba = np.asarray(layer, "float32")
    wobble = layered(rng, (h, w), (80, 10), octaves=4, gain=0.6) - 0.5
    mirrored = np.zeros_like(rgba)
    x = np.arange(w)
    level = int(level)
    for row in range(level, h):
        depth = row - level
        source = 2 * level - row + wobble[row] * (4 + depth * 0.55)
        r = np.clip(source, 0, level).astype(int)
        c = np.clip(x + (wobble[row] * (5 + depth * 0.42)).astype(int), 0, w - 1)
        mirrored[row] = rgba[r, c]
    alpha = mirrored[..., 3] / 255 * strength
    fade = np.clip(1 - (np.arange(h) - level) / (h * 0.34), 0, 1)[:, None]
    scene[:] = mix(scene, mirrored[..., :3] * 0.66 + np.array([8, 12, 30]), alpha * fade)
    scene[:] = mix(scene, rgba[..., :3], rgba[..., 3] / 255)


def pier(rng, scene, w, h):
    image = picture(scene)
    draw = ImageDraw.Draw(image)
    left, right = w * 0.0, w * 0.335
    deck = h * 0.885
    for k, x in enumerate(np.linspace(left + 22, right - 16, 6)):
        wide = 15
        draw.rectangle([x - wide / 2, deck - h * 0.055, x + wide / 2, h], fill=(66, 46, 56))
        draw.rectangle([x + wide * 0.12, deck - h * 0.055, x + wide / 2, h], fill=(132, 84, 74))
        draw.ellipse([x - wide / 2, deck - h * 0.062, x + wide / 2, deck - h * 0.048], fill=(196, 132, 104))
        for _ in range(8):
            y = rng.uniform(deck, h)
            draw.line([(x - wide / 2, y), (x + wide / 2, y + rng.uniform(-3, 3))], fill=(46, 34, 46))
    for row in range(4):
        y = deck + row * h * 0.0145
        tone = np.array([150, 98, 80]) * (1 - 0.16 * row)
        draw.polygon([(left, y), (right - row * 5, y), (right + 10 - row * 5, y + h * 0.0125), (left, y + h * 0.0125)], fill=tuple(int(v) for v in tone))
        for x in np.arange(left + rng.uniform(0, 60), right - 20, rng.uniform(60, 90)):
            draw.line([(x, y), (x + 5, y + h * 0.0125)], fill=tuple(int(v * 0.55) for v in tone), width=2)
        for _ in range(26):
            x = rng.uniform(left, right - 30)
            draw.line([(x, y + rng.uniform(2, 9)), (x + rng.uniform(10, 40), y + rng.uniform(2, 9))], fill=tuple(int(v * rng.uniform(0.72, 1.2)) for v in tone))
    draw.line([(left, deck), (right, deck)], fill=(236, 174, 128), width=3)
    # A rope from post to post.
    posts = np.linspace(left + 22, right - 16, 6)
    for a, b in zip(posts[:-1], posts[1:]):
        t = np.linspace(0, 1, 12)
        points = [(a + (b - a) * k, deck - h * 0.046 + np.sin(np.pi * k) * h * 0.022) for k in t]
        draw.line(points, fill=(226, 182, 134), width=4, joint="curve")
        draw.line([(px, py + 2) for px, py in points], fill=(120, 82, 76), width=2, joint="curve")
    scene[:] = np.asarray(image, "float32")


def gulls(rng, scene, w, h):
    image = picture(scene)
    draw = ImageDraw.Draw(image)
    for fx, fy, s in [(0.45, 0.20, 15), (0.50, 0.245, 11), (0.41, 0.265, 9), (0.76, 0.16, 13), (0.81, 0.20, 9)]:
        x, y = fx * w, fy * h
        for side in (-1, 1):
            t = np.linspace(0, 1, 8)
            points = [(x + side * s * k, y - s * 0.55 * np.sin(np.pi * k * 0.8) + s * 0.1 * k) for k in t]
            draw.line(points, fill=(58, 46, 78), width=3, joint="curve")
    scene[:] = np.asarray(image, "float32")


def harbour(seed):
    rng = np.random.default_rng(seed)
    w, h = WIDTH * OVER, HEIGHT * OVER
    land = sky(rng, w, h)
    hills(rng, land, w, h)
    town(rng, land, w, h)
    gulls(rng, land, w, h)
    scene = water(rng, land, w, h)
    fleet = [
        (sail_boat(rng, w, h, w * 0.475, h * 0.632, h * 0.062, (86, 48, 56), ((236, 196, 168, 255), (206, 150, 140, 255))), 0.632),
        (sail_boat(rng, w, h, w * 0.775, h * 0.672, h * 0.098, (54, 66, 96), ((248, 224, 190, 255), (226, 112, 78, 255))), 0.672),
        (row_boat(w, h, w * 0.205, h * 0.700, h * 0.046, (170, 62, 54), (98, 58, 58)), 0.700),
        (row_boat(w, h, w * 0.335, h * 0.735, h * 0.054, (46, 96, 112), (96, 74, 70)), 0.735),
        (sail_boat(rng, w, h, w * 0.555, h * 0.815, h * 0.185, (146, 52, 46), ((252, 232, 200, 255), (238, 176, 96, 255))), 0.815),
    ]
    for layer, level in fleet:
        float_on(rng, scene, layer, level * h)
    pier(rng, scene, w, h)
    scene += (rng.random((h, w, 1)) - 0.5) * 9
    return picture(scene).resize((WIDTH, HEIGHT), Image.LANCZOS)


# The style: strokes of thick paint that follow whirls.

SIDE = 512
WHIRLS = [
    # Place, reach, turn, and the palette it pulls the paint to.
    ((0.30, 0.29), 0.25, 1.0, "ember"),
    ((0.76, 0.20), 0.16, -1.0, "gold"),
    ((0.72, 0.63), 0.24, -1.0, "gold"),
    ((0.22, 0.74), 0.19, 1.0, "rose"),
    ((0.48, 0.93), 0.14, -1.0, "ember"),
    ((0.97, 0.92), 0.15, 1.0, "rose"),
]
PALETTES = {
    "sea": [(0.0, (10, 22, 58)), (0.25, (16, 52, 104)), (0.5, (20, 104, 138)), (0.72, (58, 158, 160)), (0.9, (158, 214, 192)), (1.0, (236, 240, 216))],
    "ember": [(0.0, (104, 18, 34)), (0.3, (184, 40, 34)), (0.6, (234, 98, 36)), (0.85, (250, 170, 66)), (1.0, (255, 232, 160))],
    "gold": [(0.0, (140, 62, 18)), (0.35, (214, 126, 22)), (0.65, (246, 186, 44)), (0.88, (254, 226, 112)), (1.0, (255, 248, 214))],
    "rose": [(0.0, (74, 18, 72)), (0.35, (146, 36, 100)), (0.65, (214, 82, 120)), (0.88, (244, 150, 150)), (1.0, (255, 226, 206))],
}


def flow(rng, side):
    """Direction of the strokes: the sum of whirls over a slow drift."""
    y, x = np.mgrid[:side, :side].astype("float32") / side
    angle = (layered(rng, (side, side), (2.5, 2.5), octaves=2) - 0.5) * 2.4 + 0.35
    vx, vy = 0.55 * np.cos(angle), 0.55 * np.sin(angle)
    for (cx, cy), reach, turn, _ in WHIRLS:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-4
        pull = 2.2 * np.exp(-((r / reach) ** 2))
        vx += turn * pull * -dy / r - 0.16 * pull * dx / r
        vy += turn * pull * dx / r - 0.16 * pull * dy / r
    return np.arctan2(vy, vx)


def paint_colours(rng, side):
    """The colour the paint should have at each place: rings in the whirls, bands between them."""
    y, x = np.mgrid[:side, :side].astype("float32") / side
    drift = layered(rng, (side, side), (4, 4), octaves=3)
    bands = 0.5 + 0.5 * np.sin(11 * (y + 0.5 * drift) + 5 * (x - 0.6 * drift))
    colours = ramp(np.clip(0.10 + 0.55 * bands * drift + 0.28 * drift, 0, 1), PALETTES["sea"])
    for (cx, cy), reach, _, name in WHIRLS:
        r = np.hypot(x - cx, y - cy) + 0.02 * (drift - 0.5)
        rings = 0.5 + 0.5 * np.cos(2 * np.pi * r / (reach * 0.36))
        t = np.clip(0.25 + 0.75 * np.exp(-((r / (reach * 0.55)) ** 2)) * (0.55 + 0.45 * rings) + 0.12 * rings - 0.1, 0, 1)
        inside = smooth(r, reach * 1.02, reach * 0.72)
        colours = mix(colours, ramp(t, PALETTES[name]), inside)
        halo = np.exp(-(((r - reach * 1.0) / (reach * 0.13)) ** 2))
        colours = mix(colours, (12, 26, 66), 0.65 * halo)
    return colours


def follow(angle, x, y, length, steps):
    side = angle.shape[0]
    points = []
    for _ in range(steps):
        points.append((x, y))
        column, row = int(np.clip(x, 0, side - 1)), int(np.clip(y, 0, side - 1))
        a = angle[row, column]
        x += np.cos(a) * length / steps
        y += np.sin(a) * length / steps
    return points


def strokes(seed):
    rng = np.random.default_rng(seed)
    side = SIDE * OVER
    angle = flow(rng, side)
    target = paint_colours(rng, side)
    canvas = Image.new("RGB", (side, side), (14, 30, 66))
    height = Image.new("L", (side, side), 90)
    paint, relief = ImageDraw.Draw(canvas), ImageDraw.Draw(height)
    passes = [(900, 190, 34, 0.11), (2600, 130, 24, 0.12), (3800, 90, 15, 0.13), (1800, 64, 10, 0.16)]
    for count, length, width, spread in passes:
        for _ in range(count):
            x, y = rng.random(2) * (side + 80) - 40
            points = follow(angle, x, y, length * rng.uniform(0.6, 1.3), 12)
            mx, my = points[len(points) // 2]
            column, row = int(np.clip(mx, 0, side - 1)), int(np.clip(my, 0, side - 1))
            base = target[row, column] * rng.uniform(1 - spread, 1 + spread)
            base = base + rng.normal(0, 9, 3)
            brush(rng, paint, relief, points, width * rng.uniform(0.7, 1.25), base)
    for (cx, cy), reach, _, name in WHIRLS:
        # The eye of a whirl, where strokes leave a hole.
        for k in range(26):
            a, r = k * 2.4, reach * side * 0.011 * np.sqrt(k)
            x, y = cx * side + np.cos(a) * r, cy * side + np.sin(a) * r
            points = [(x + np.cos(a + 1.2 + t) * 9, y + np.sin(a + 1.2 + t) * 9) for t in np.linspace(0, 1.6, 6)]
            tone = ramp(np.array(1 - 0.012 * k), PALETTES[name])
            brush(rng, paint, relief, points, 13, tone)
    lit = impasto(np.asarray(canvas, "float32"), height)
    return picture(lit).resize((SIDE, SIDE), Image.LANCZOS)


def brush(rng, paint, relief, points, width, base):
    """One stroke: bristles side by side, each with a little more or less paint."""
    points = np.array(points)
    along = np.gradient(points, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-6
    across = np.stack([-along[:, 1], along[:, 0]], -1)
    bristles = max(4, int(width / 2.2))
    body = rng.integers(96, 150)
    for index in range(bristles):
        offset = (index + 0.5) / bristles - 0.5
        taper = np.sqrt(np.clip(1 - (np.linspace(-1, 1, len(points)) ** 8), 0.15, 1))
        line = points + across * (offset * width * taper)[:, None]
        start = rng.integers(0, 3)
        stop = len(line) - rng.integers(0, 3)
        tone = rng.normal(0, 11) + 16 * (abs(offset) > 0.38)
        colour = tuple(int(v) for v in np.clip(base + tone, 0, 255))
        level = int(np.clip(body + rng.normal(0, 20) + 44 * (abs(offset) > 0.38), 0, 255))
        path = [tuple(p) for p in line[start:stop]]
        thick = max(2, int(round(width / bristles * 1.5)))
        paint.line(path, fill=colour, width=thick, joint="curve")
        relief.line(path, fill=level, width=thick, joint="curve")


def impasto(colours, height):
    """Light from the upper left over the thickness of the paint."""
    relief = np.asarray(height.filter(ImageFilter.GaussianBlur(1.8)), "float32")
    dy, dx = np.gradient(relief)
    light = np.clip(-(dx * 0.75 + dy) * 0.045, -0.45, 0.7)[..., None]
    shaded = np.where(light > 0, colours + (255 - colours) * light * 0.55, colours * (1 + light * 0.78))
    return shaded


def main():
    default = Path(__file__).resolve().parent.parent / "src" / "cli" / "sample"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in (("content", harbour(7)), ("style", strokes(11))):
        image.save(folder / f"{name}.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main()
