"use strict";
/* A frame with two axes, drawn at the width that it has; d3's scales, our own marks. */
Optathlon.chart = (() => {
  const { svg, number } = Optathlon;
  const SHAPES = 12; // colours in the style sheet: s0 to s11

  const series = (index) => `s${index % SHAPES}${index >= SHAPES ? " again" : ""}`;

  /* Whether values are better seen by their logarithm: positive, over more than a decade. */
  function isWide(values, factor = 10) {
    const positive = values.filter((value) => value > 0);
    return positive.length > 1 && positive.length >= 0.9 * values.length && Math.max(...positive) > factor * Math.min(...positive);
  }

  const MOST = Number.MAX_VALUE / 4; // of which the sum and the difference are numbers

  /* The ends of an axis: those of the values and a margin, also where values fill all that a number can hold. */
  function domain(values, log) {
    const used = log ? values.filter((value) => value > 0) : values;
    let low = used.reduce((a, b) => Math.min(a, b), Infinity);
    let high = used.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!Number.isFinite(low)) [low, high] = [0, 1];
    const kept = (value) => Math.min(Math.max(value, log ? Number.MIN_VALUE : -MOST), MOST);
    if (log) {
      const margin = 0.05 * (Math.log10(high) - Math.log10(low)) || Math.log10(2);
      return [kept(10 ** (Math.log10(low) - margin)), kept(10 ** (Math.log10(high) + margin))];
    }
    [low, high] = [kept(low), kept(high)];
    const margin = 0.06 * (high - low) || Math.abs(high) * 0.1 || 1;
    return [kept(low - margin), kept(high + margin)];
  }

  function ticks(scale, log, room) {
    if (!log) return scale.ticks(room);
    const [low, high] = scale.domain();
    const decades = Math.log10(high) - Math.log10(low);
    if (decades < 0.8) return scale.copy().ticks ? d3.ticks(low, high, room) : [];
    const steps = decades < 1.6 ? [1, 2, 3, 5] : decades < 3.2 ? [1, 3] : [1];
    const stride = Math.max(1, Math.ceil(decades / Math.max(2, room)));
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      if (power % stride) continue;
      for (const step of steps) {
        const value = step * 10 ** power;
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found;
  }

  /* Return {node, x, y, layer, bounds}: an empty frame; x and y are {label, values, log} or {label, domain, log, ticks}. */
  function frame(box, { title, words, x, y, height = 320, right = 14 }) {
    const width = Math.max(240, box.clientWidth);
    const bounds = { left: 58, right: width - right, top: 30, bottom: height - 40 };
    const node = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${title}. ${words}` });
    const make = (axis, range) => {
      const scale = axis.log ? d3.scaleLog() : d3.scaleLinear();
      return scale.domain(axis.domain ?? domain(axis.values, axis.log)).range(range).clamp(true);
    };
    const scales = { x: make(x, [bounds.left + 6, bounds.right - 6]), y: make(y, [bounds.bottom - 4, bounds.top + 6]) };
    const grid = svg("g", { class: "grid", "aria-hidden": "true" });
    for (const [at, text] of told(x.ticks ?? ticks(scales.x, x.log, Math.floor((bounds.right - bounds.left) / 75)), x.format)) {
      const place = scales.x(at);
      grid.append(svg("line", { x1: place, x2: place, y1: bounds.top, y2: bounds.bottom }),
        svg("text", { x: place, y: bounds.bottom + 15, "text-anchor": "middle" }, text));
    }
    for (const [at, text] of told(y.ticks ?? ticks(scales.y, y.log, Math.floor((bounds.bottom - bounds.top) / 45)), y.format)) {
      const place = scales.y(at);
      grid.append(svg("line", { x1: bounds.left, x2: bounds.right, y1: place, y2: place }),
        svg("text", { x: bounds.left - 6, y: place + 4, "text-anchor": "end" }, text));
    }
    grid.append(svg("text", { class: "label", x: 4, y: 16 }, `↑ ${y.label}`),
      svg("text", { class: "label", x: bounds.right, y: height - 8, "text-anchor": "end" }, `${x.label} →`));
    const layer = svg("g", {});
    node.append(grid, layer);
    box.replaceChildren(node);
    return { node, layer, bounds, ...scales };
  }

  /* Each place on an axis with its text: with three digits, or as many as tell them apart. */
  function told(places, format) {
    for (let digits = 3; ; digits += 1) {
      const texts = places.map(format ?? ((value) => number(value, digits)));
      if (format || digits === 17 || new Set(texts).size === texts.length) return places.map((at, i) => [at, texts[i]]);
    }
  }

  /* Let whatever belongs to the method under the pointer or the focus stand out. */
  function highlight(box) {
    const set = (event) => {
      const name = event.target.closest?.("[data-method]")?.dataset.method ?? "";
      if (box.dataset.hot === name) return;
      box.dataset.hot = name;
      box.classList.toggle("focused", name !== "");
      for (const element of box.querySelectorAll("[data-method]")) element.classList.toggle("hot", element.dataset.method === name);
    };
    box.addEventListener("pointerover", set);
    box.addEventListener("focusin", set);
    box.addEventListener("pointerleave", () => set({ target: box }));
  }

  return { frame, series, isWide, domain, highlight };
})();
