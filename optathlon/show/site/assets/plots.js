"use strict";
/* The pictures of a board: score against seconds, score along the run, performance profile. */
Optathlon.plots = (() => {
  const { svg, h, number, chart, labels } = Optathlon;

  const margin = (box) => Math.min(170, Math.round(0.34 * box.clientWidth));

  /* Why a row is not ranked, empty where it is or is a yardstick. */
  function doubt(row) {
    if (row.rank !== null || row.yardstick) return "";
    return row.failed ? `${row.status} (${row.failed} of ${row.failed + row.seeds})` : row.trust === "claimed" ? "claimed" : "not ranked";
  }

  const named = (row) => (doubt(row) ? `${row.method}: ${doubt(row)}` : row.method);

  /* Score against seconds of a board's rows, with the Pareto front; what is not ranked is a cross and says why. */
  function pareto(box, rows, series) {
    const drawn = rows.filter((row) => row.value !== null && row.seconds > 0);
    if (!drawn.length) return nothing(box, "No method here has both a score and seconds.");
    const values = drawn.flatMap((row) => [row.value, row.low, row.high]).filter((value) => value !== null);
    const log = chart.isWide(drawn.map((row) => row.value));
    const [first] = drawn;
    const { layer, x, y, bounds } = chart.frame(box, {
      title: "Score against seconds",
      words: `${drawn.length} methods; on the Pareto front: ${drawn.filter((row) => row.pareto).map((row) => row.method).join(", ") || "none"}`,
      x: { label: "seconds", values: drawn.map((row) => row.seconds), log: true },
      y: { label: `${first.metric} (${first.better} is better)`, values: log ? drawn.map((row) => row.value) : values, log },
    });
    const front = drawn.filter((row) => row.pareto).sort((a, b) => a.seconds - b.seconds);
    const step = d3.line().x((row) => x(row.seconds)).y((row) => y(row.value)).curve(d3.curveStepAfter);
    layer.append(svg("path", { class: "front", d: step(front) }));
    for (const row of [...drawn].sort((a, b) => a.pareto - b.pareto)) {
      const name = `${named(row)}: ${number(row.value)}${row.low === null ? "" : ` [${number(row.low)}, ${number(row.high)}]`}, ${number(row.seconds)} s`;
      const at = { x: x(row.seconds), y: y(row.value) };
      const mark = svg("g", { class: `mark ${series.get(row.method)}${row.yardstick ? " hollow" : ""}`, "data-method": row.method }, svg("title", {}, name));
      if (row.low !== null && !(log && row.low <= 0)) mark.append(svg("line", { x1: at.x, x2: at.x, y1: y(row.low), y2: y(row.high) }));
      mark.append(doubt(row) ? svg("path", { class: "cross", d: `M${at.x - 4} ${at.y - 4}l8 8m0 -8l-8 8` }) : svg("circle", { cx: at.x, cy: at.y, r: row.pareto ? 5 : 3.5 }));
      layer.append(mark);
    }
    const points = drawn.map((row) => ({ x: x(row.seconds), y: y(row.value), text: row.method, label: named(row), first: row.pareto }));
    labels.points(layer, points, { ...bounds, right: bounds.right + 8, left: bounds.left + 2 });
    const absent = rows.filter((row) => !drawn.includes(row));
    const more = absent.length > 12 ? ` and ${absent.length - 12} more` : "";
    if (absent.length) box.append(h("p", { class: "note" }, `Not drawn: ${absent.slice(0, 12).map(named).join(", ")}${more}.`));
  }

  /* Median over the seeds of a method's traces, at times spread by their logarithm: [[seconds, score], ...]. */
  function median(traces) {
    const starts = traces.map((trace) => trace.seconds.find((at) => at > 0) ?? trace.seconds.at(-1));
    const ends = traces.map((trace) => trace.seconds.at(-1)).sort((a, b) => a - b);
    const from = Math.max(Math.min(...starts), 1e-9);
    const to = ends[Math.floor(ends.length / 2)];
    if (!(to > from)) return traces.length ? [[to, middle(traces.map((trace) => trace.score.at(-1)))]] : [];
    const places = traces.map(() => 0);
    const line = [];
    for (let i = 0; i <= 48; i += 1) {
      const at = i === 48 ? to : from * (to / from) ** (i / 48);
      const scores = [];
      traces.forEach((trace, j) => {
        while (places[j] + 1 < trace.seconds.length && trace.seconds[places[j] + 1] <= at) places[j] += 1;
        if (trace.seconds[places[j]] <= at) scores.push(trace.score[places[j]]);
      });
      if (2 * scores.length >= traces.length) line.push([at, middle(scores)]);
    }
    return line;
  }

  function middle(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /* Score along the run: every seed thin, the median of each method bold. `traces` maps methods to {seconds, score} lists. */
  function along(box, traces, series, metric) {
    const methods = [...series.keys()].filter((method) => traces.has(method));
    const all = methods.flatMap((method) => traces.get(method));
    if (!all.length) return nothing(box, "No run here has a trace.");
    const scores = all.flatMap((trace) => trace.score);
    const log = chart.isWide(scores);
    const seconds = all.flatMap((trace) => trace.seconds).filter((at) => at > 0);
    const right = margin(box);
    const { layer, x, y, bounds } = chart.frame(box, {
      title: "Score along the run",
      words: `${all.length} runs of ${methods.length} methods, each seed thin, the median over seeds bold`,
      right,
      x: { label: "seconds", values: seconds, log: chart.isWide(seconds) },
      y: { label: metric, values: scores, log },
    });
    const line = d3.line().x((point) => x(point[0])).y((point) => y(log ? Math.max(point[1], 1e-300) : point[1]));
    const ends = [];
    for (const method of methods) {
      const own = traces.get(method);
      const group = svg("g", { class: `line ${series.get(method)}`, "data-method": method }, svg("title", {}, method));
      const thin = own.map((trace) => line(trace.seconds.map((at, i) => [Math.max(at, seconds[0] * 1e-9), trace.score[i]]))).join("");
      if (own.length > 1) group.append(svg("path", { class: "seed", d: thin }));
      const bold = median(own);
      if (bold.length) {
        group.append(svg("path", { class: "median", d: line(bold) }));
        const [at, score] = bold.at(-1);
        group.append(svg("circle", { cx: x(at), cy: y(log ? Math.max(score, 1e-300) : score), r: 2.5 }));
        ends.push({ x: x(at), y: y(log ? Math.max(score, 1e-300) : score), text: method, label: labels.fit(method, right - 14), series: series.get(method) });
      }
      layer.append(group);
    }
    labels.ends(layer, box.clientWidth < 480 ? ends.slice(0, 8) : ends, bounds.right, bounds.top + 4, bounds.bottom);
    if (log && scores.some((score) => score <= 0)) box.append(h("p", { class: "note" }, "Values of zero are drawn at the lower edge."));
  }

  /* Share of workloads solved within a ratio of the fastest. */
  function profile(box, found) {
    const lines = [...found.lines].sort((a, b) => d3.sum(b.share) - d3.sum(a.share));
    const right = margin(box);
    const { layer, x, y, bounds } = chart.frame(box, {
      title: "Performance profile",
      words: `${lines.length} methods; most solved: ${lines.slice(0, 3).map((one) => `${one.method} ${number(one.share.at(-1), 2)}`).join(", ")}`,
      right,
      x: { label: "within this factor of the fastest", domain: [1, found.ratios.at(-1)], log: true, ticks: [1, 2, 5, 10, 20, 50, 100] },
      y: { label: "share of workloads solved", domain: [0, 1], log: false, ticks: [0, 0.25, 0.5, 0.75, 1] },
    });
    const step = d3.line().x((_, i) => x(found.ratios[i])).y((share) => y(share)).curve(d3.curveStepAfter);
    const ends = lines.map((one, i) => {
      const named = chart.series(i);
      layer.append(svg("g", { class: `line ${named}`, "data-method": one.method }, svg("title", {}, one.method), svg("path", { class: "median", d: step(one.share) })));
      return { x: bounds.right - 6, y: y(one.share.at(-1)), text: one.method, label: labels.fit(one.method, right - 14), series: named };
    });
    labels.ends(layer, ends, bounds.right, bounds.top + 4, bounds.bottom);
  }

  function nothing(box, words) {
    box.replaceChildren(h("p", { class: "note" }, words));
  }

  return { pareto, along, profile, median };
})();
