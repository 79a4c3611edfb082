"use strict";
/* The table of one board: ranks, values with their intervals drawn, seconds; yardsticks apart; failures with their reasons. */
Optathlon.board = (() => {
  const { h, svg, number, methodPage } = Optathlon;
  const WIDE = 110;
  const FIXED = ["rank", "method", "95 % interval", "seconds", "×", "to target, s", "seeds", "status"];

  /* The head of a metric's column: one that is called as another column is says what it is. */
  const called = (metric) => (FIXED.includes(metric) ? `${metric} (metric)` : metric);

  const cell = (text, options = {}) => h("td", options, text);
  const figure = (value, options = {}) => cell(number(value), { class: "figure", "data-value": value, ...options });

  function rank(row) {
    if (row.rank === null) return cell(row.yardstick ? "yardstick" : row.trust === "claimed" ? "claimed" : "not ranked", { class: "quiet", "data-value": "" });
    const range = row.rank_low === row.rank_high ? null : h("span", { class: "quiet" }, ` (${row.rank_low}–${row.rank_high})`);
    return h("td", { "data-value": row.rank }, String(row.rank), range);
  }

  function name(row, series, marked) {
    return h("th", { scope: "row", "data-text": row.method },
      svg("svg", { class: `dot ${series.get(row.method)}${row.yardstick ? " hollow" : ""}`, viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("circle", { cx: 5, cy: 5, r: 4 })),
      h("a", { href: methodPage(row.suite, row.method) }, row.method),
      row.pareto ? h("span", { class: "pareto", title: "on the Pareto front of score against seconds", role: "img", "aria-label": "on the Pareto front" }, " ◆") : null,
      row.dirty && marked ? h("span", { class: "quiet", title: "from a working tree with changes" }, " dirty") : null);
  }

  /* The interval of a value on the scale that all rows share. */
  function interval(row, place) {
    if (row.value === null) return cell("", { "data-value": "" });
    const picture = svg("svg", { class: `interval ${row.yardstick ? "hollow" : ""}`, viewBox: `0 0 ${WIDE} 16`, width: WIDE, height: 16, "aria-hidden": "true" });
    if (row.low !== null && row.high !== null) picture.append(svg("line", { x1: place(row.low), x2: place(row.high), y1: 8, y2: 8 }));
    picture.append(svg("circle", { cx: place(row.value), cy: 8, r: 3.5 }));
    return h("td", { "data-value": row.value }, picture);
  }

  function spread(row) {
    const known = row.low !== null && row.high !== null && row.low !== row.high;
    return cell(known ? `${number(row.low)} – ${number(row.high)}` : "", { class: "quiet figure", "data-value": known ? row.high - row.low : "" });
  }

  function status(row) {
    const trust = row.trust === "measured" ? "" : `, ${row.trust}`;
    const words = (row.failed ? `${row.status} (${row.failed} of ${row.failed + row.seeds})` : row.status) + trust;
    return cell(words, row.failed ? { class: "failed", title: row.reason } : { title: row.note || null });
  }

  /* Return the table of a board: `first` are the rows of the ranking metric, `others` those of the further metrics. */
  function table(first, others, series, caption) {
    const metrics = [...new Set(others.map((row) => row.metric))];
    const further = new Map(others.map((row) => [`${row.metric}\n${row.method}`, row]));
    const units = new Map(others.map((row) => [row.metric, row]));
    const targeted = first.some((row) => row.time_to_target !== null);
    const values = first.flatMap((row) => [row.value, row.low, row.high]).filter((value) => value !== null);
    const log = Optathlon.chart.isWide(values, 30);
    const scale = (log ? d3.scaleLog() : d3.scaleLinear()).domain(Optathlon.chart.domain(values, log)).range([5, WIDE - 5]).clamp(true);
    const place = (value) => scale(log ? Math.max(value, 1e-300) : value);
    const [one] = first;
    const marked = !first.every((row) => row.dirty);
    const head = (text, options = {}) => h("th", options, text);
    const numeric = { class: "figure", "data-kind": "number" };
    const heads = [
      head("rank", { "data-kind": "number" }), head("method"), head(called(one.metric), { ...numeric, title: `${one.unit}, ${one.better} is better` }),
      head(`${one.better} is better${log ? ", log" : ""}`, { "data-silent": "" }), head("95 % interval", numeric), head("seconds", numeric), head("×", { ...numeric, title: "ratio of the seconds to those of the suite's reference method" }),
      ...(targeted ? [head("to target, s", numeric)] : []), head("seeds", numeric), head("status"),
      ...metrics.map((name) => head(called(name), { ...numeric, title: `${units.get(name).unit}, ${units.get(name).better} is better` })),
    ];
    const line = (row) => h("tr", { "data-method": row.method, class: row.rank === 1 ? "first" : null },
      rank(row), name(row, series, marked), figure(row.value), interval(row, place), spread(row),
      figure(row.seconds, { "data-text": `${row.busy ? "~" : ""}${number(row.seconds)}`, class: `figure${row.busy ? " busy" : ""}` }),
      cell(row.ratio === null ? "" : `${number(row.ratio, 2)}×`, { class: "figure", "data-value": row.ratio ?? "" }),
      ...(targeted ? [figure(row.time_to_target)] : []),
      cell(row.shared === row.seeds ? String(row.shared) : `${row.shared} of ${row.seeds}`, { class: "figure", title: row.note || null }),
      status(row), ...metrics.map((metric) => figure(further.get(`${metric}\n${row.method}`)?.value ?? null)));
    const yardsticks = first.filter((row) => row.yardstick);
    const apart = yardsticks.length ? [
      h("tbody", { "data-fixed": "", class: "apart" }, h("tr", {}, h("td", { colspan: heads.length }, "Yardsticks know more than the others: shown, not ranked"))),
      h("tbody", {}, ...yardsticks.map(line))] : [];
    return h("div", { class: "table", "data-name": "board" },
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
        h("table", { class: "board" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...heads)),
          h("tbody", {}, ...first.filter((row) => !row.yardstick).map(line)), ...apart)));
  }

  /* Return the failures of a board with their reasons, null where there is none. */
  function failures(rows) {
    const failed = rows.filter((row) => row.failed);
    if (!failed.length) return null;
    return h("section", { class: "failures" }, h("h3", {}, "Failures"),
      ...failed.map((row) => h("details", {}, h("summary", {}, `${row.method}: ${row.status}, ${row.failed} of ${row.failed + row.seeds} runs`),
        h("pre", { tabindex: 0 }, row.reason || "no reason recorded"))));
  }

  /* What holds for all of a board's rows is said once. */
  function remarks(rows) {
    const said = [
      rows.every((row) => row.dirty) ? "All of these records are from a working tree with changes." : "",
      rows.some((row) => row.busy) ? "~ marks seconds measured beside other cells or on a busy machine." : "",
      rows.some((row) => row.trust === "claimed") ? "Claimed rows were submitted and not yet run again by others: listed, not ranked." : "",
      rows.some((row) => row.trust === "verified") ? "Of verified rows every run was run again with the same outcome." : "",
      ...new Set(rows.filter((row) => row.note && !row.yardstick).map((row) => `${row.method}: ${row.note}.`)),
    ].filter(Boolean);
    return said.length ? h("p", { class: "note" }, said.join(" ")) : null;
  }

  return { table, failures, remarks };
})();
