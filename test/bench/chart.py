# SPDX-License-Identifier: MIT
"""The ratios as a chart: for each workload a bar for each implementation, and a line for the floor."""

from xml.sax.saxutils import escape

from floor import FLOOR, FLOOR_BEST
from report import ratio_of, speed
from workloads import WORKLOADS

COLOURS = ["#1b6ca8", "#7fb3d5", "#d98324", "#8a9a5b", "#8e6c8a", "#4f9d92"]
FLOOR_COLOUR = "#777777"
WIDTH, LEFT, RIGHT, TOP = 960, 130, 60, 96
BAR, GAP, GROUP = 11, 2, 14  # heights, and the space between two workloads
MOST = 1.5  # what does not fit is cut, and says so in numbers
TICKS = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5]


def place(ratio):
    return LEFT + min(ratio, MOST) / MOST * (WIDTH - LEFT - RIGHT)


def text(x, y, words, size=12, anchor="start", colour="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def choose_colours(implementations):
    """{implementation: colour} of those that are drawn: what is compared with is not."""
    colours = iter(COLOURS)
    pairs = ((implementation, FLOOR_COLOUR if implementation == FLOOR_BEST else next(colours, None))
             for implementation in implementations if implementation != FLOOR)
    return {implementation: colour for implementation, colour in pairs if colour}


def draw_legend(colours):
    parts, x = [], LEFT
    for implementation, colour in colours.items():
        parts.append(f'<rect x="{x}" y="58" width="12" height="12" fill="{colour}"/>')
        parts.append(text(x + 17, 68, implementation))
        x += 40 + 8 * len(implementation)
    return parts


def draw_bar(y, ratio, colour):
    return [f'<rect x="{LEFT}" y="{y}" width="{place(ratio.median) - LEFT:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<line x1="{place(ratio.least):.1f}" y1="{y + BAR / 2}" x2="{place(ratio.most):.1f}" y2="{y + BAR / 2}" '
            'stroke="#222" stroke-width="1"/>',
            text(WIDTH - RIGHT + 8, y + BAR - 1.5, f"{ratio.median:.2f}", 10)]


def draw(implementations, measured, made):
    """The chart as SVG. `made` says when and how, and stands in it."""
    colours = choose_colours(implementations)
    parts, y = [], TOP
    for name, rounds in measured.items():
        ratios = [(colour, ratio_of(rounds, implementation, speed(name)))
                  for implementation, colour in colours.items()]
        height = len(ratios) * (BAR + GAP)
        parts.append(f"<g><title>{escape(WORKLOADS[name].about)}</title>")
        parts.append(text(LEFT - 8, y + height / 2 + 4, name, anchor="end"))
        for colour, ratio in ratios:
            if ratio is not None:
                parts += draw_bar(y, ratio, colour)
            y += BAR + GAP
        parts.append("</g>")
        y += GROUP
    grid = []
    for tick in TICKS:
        is_floor = tick == 1.0
        grid.append(f'<line x1="{place(tick):.1f}" y1="{TOP - 8}" x2="{place(tick):.1f}" y2="{y - 6}" '
                    f'stroke="{"#b00" if is_floor else "#ddd"}" stroke-width="{1.5 if is_floor else 1}"/>')
        grid.append(text(place(tick), TOP - 12, f"{tick:.2f}", 10, "middle", "#b00" if is_floor else "#666"))
    foot = [text(LEFT, y + 14 + 15 * i, line, 10, colour="#666") for i, line in enumerate(made)]
    height = y + 20 + 15 * len(made)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif">',
        "<!-- SPDX-License-Identifier: MIT -->",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>',
        text(LEFT, 26, "Next to the least that a client of a completion port can do", 16, weight="bold"),
        text(LEFT, 45, "median ratio to floor_iocp in the same round (thin line: all rounds); more is better; "
                       "idle: memory, the floor's divided by theirs", 11, colour="#444"),
        *draw_legend(colours), *grid, *parts, *foot, "</svg>", ""])
