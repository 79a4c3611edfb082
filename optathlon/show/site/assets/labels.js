"use strict";
/* Names beside points and lines, none over another. */
Optathlon.labels = (() => {
  const { svg } = Optathlon;
  const SIZE = 11;
  const measure = document.createElement("canvas").getContext("2d");

  function width(text) {
    measure.font = `${SIZE}px system-ui, sans-serif`;
    return measure.measureText(text).width;
  }

  const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  /* Places around a point, the nearest first: [x offset, y offset, which end of the text is there]. */
  function* places() {
    for (const far of [7, 16, 28, 42, 58]) {
      yield [far, 4, "start"];
      yield [-far, 4, "end"];
      yield [0, -far - 1, "middle"];
      yield [0, far + 9, "middle"];
      for (const [x, y] of [[0.8, -0.7], [-0.8, -0.7], [0.8, 1.1], [-0.8, 1.1]]) yield [far * x, far * y, x > 0 ? "start" : "end"];
    }
  }

  /* Write the names of points {x, y, text, label, first} into a group; a name that finds no place is left to the pointer. */
  function points(group, entries, bounds) {
    const taken = entries.map(({ x, y }) => ({ x: x - 4, y: y - 4, width: 8, height: 8 }));
    const left = [];
    for (const entry of [...entries].sort((a, b) => Number(b.first) - Number(a.first))) {
      const wide = width(entry.label) + 2;
      const own = { x: entry.x - 4, y: entry.y - 4, width: 8, height: 8 };
      let found = null;
      for (const [dx, dy, anchor] of places()) {
        if (!entry.first && Math.hypot(dx, dy) > 20) break;
        const x = entry.x + dx - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0);
        const box = { x, y: entry.y + dy - SIZE + 1, width: wide, height: SIZE + 2 };
        const inside = box.x >= bounds.left && box.x + box.width <= bounds.right && box.y >= bounds.top && box.y + box.height <= bounds.bottom;
        if (inside && !taken.some((other) => !(other.x === own.x && other.y === own.y) && meet(box, other))) {
          found = { box, dx, dy, anchor };
          break;
        }
      }
      if (!found) { left.push(entry.text); continue; }
      taken.push(found.box);
      if (Math.hypot(found.dx, found.dy) > 20) {
        group.append(svg("line", { class: "leader", "data-method": entry.text, x1: entry.x, y1: entry.y, x2: entry.x + found.dx * 0.9, y2: entry.y + found.dy * 0.9 - 3 }));
      }
      group.append(svg("text", { class: "name", "data-method": entry.text, x: entry.x + found.dx, y: entry.y + found.dy, "text-anchor": found.anchor }, entry.label));
    }
    return left;
  }

  /* Write the names of lines that end at {x, y, text, series} into the margin right of `at`, spread until none meet. */
  function ends(group, entries, at, top, bottom) {
    const gap = SIZE + 2;
    const room = Math.max(1, Math.floor((bottom - top) / gap));
    const kept = entries.slice(0, room).sort((a, b) => a.y - b.y);
    const y = kept.map((entry) => Math.min(Math.max(entry.y, top), bottom));
    for (let i = 1; i < y.length; i += 1) y[i] = Math.max(y[i], y[i - 1] + gap);
    if (y.length && y.at(-1) > bottom) y[y.length - 1] = bottom;
    for (let i = y.length - 2; i >= 0; i -= 1) y[i] = Math.min(y[i], y[i + 1] - gap);
    kept.forEach((entry, i) => {
      group.append(
        svg("line", { class: `leader ${entry.series}`, "data-method": entry.text, x1: entry.x, y1: entry.y, x2: at + 6, y2: y[i] }),
        svg("text", { class: `name ${entry.series}`, "data-method": entry.text, x: at + 9, y: y[i] + 4 }, entry.label ?? entry.text));
    });
  }

  /* Shorten a name to a width. */
  function fit(text, wide) {
    if (width(text) <= wide) return text;
    let cut = text;
    while (cut.length > 3 && width(`${cut}…`) > wide) cut = cut.slice(0, -1);
    return `${cut}…`;
  }

  return { points, ends, width, fit };
})();
