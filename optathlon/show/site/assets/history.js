"use strict";
/* Numbers over commits: a panel per device and machine, a line per method, changes marked. */
addEventListener("DOMContentLoaded", async () => {
  const { h, svg, load, decode, state, number, chart, labels, tables, onResize } = Optathlon;
  const place = document.getElementById("history");
  const suites = place.dataset.suites.split(" ").filter(Boolean);
  if (!suites.length) { place.append(h("p", { class: "note" }, "No record names a commit yet.")); return; }
  const FIELDS = ["suite", "workload", "metric"];
  const choosers = FIELDS.map((name) => h("select", { name, onchange: () => { state.set(Object.fromEntries(FIELDS.map((field, i) => [field, choosers[i].value]))); show(); } }));
  const view = h("div", {});
  place.append(h("form", { class: "filters", "aria-label": "Series" }, ...FIELDS.map((name, i) => h("label", {}, `${name} `, choosers[i]))), view);
  chart.highlight(view);

  function fill(chooser, values, wanted) {
    const chosen = values.includes(wanted) ? wanted : values[0];
    chooser.replaceChildren(...values.map((value) => h("option", { value, selected: value === chosen }, value)));
    return chosen;
  }

  function unpack(data) {
    const columns = ["workload", "method", "metric", "better", "device", "machine"];
    const lists = columns.map((name) => decode(data[name]));
    return lists[0].map((_, i) => ({ ...Object.fromEntries(columns.map((name, j) => [name, lists[j][i]])), steps: data.steps[i],
      points: data.at[i].map((code, k) => ({ commit: data.commits[code], time: data.time[i][k], value: data.value[i][k], low: data.low[i][k], high: data.high[i][k] })) }));
  }

  async function show() {
    const suite = fill(choosers[0], suites, state.get("suite"));
    const all = unpack(await load(`history/${suite}`, `${suite}.history.js`));
    if (choosers[0].value !== suite) return; // another one was chosen meanwhile
    const longest = (name) => Math.max(...all.filter((one) => one.workload === name).map((one) => one.points.length));
    const workloads = [...new Set(all.map((one) => one.workload))].sort((a, b) => longest(b) - longest(a));
    const workload = fill(choosers[1], workloads, state.get("workload"));
    const here = all.filter((one) => one.workload === workload);
    const metric = fill(choosers[2], [...new Set(here.map((one) => one.metric))], state.get("metric"));
    const chosen = here.filter((one) => one.metric === metric);
    const panels = [...new Set(chosen.map((one) => `${one.device}, ${one.machine}`))];
    const boxes = panels.map(() => h("div", { class: "plot" }));
    view.replaceChildren(
      h("div", { class: panels.length > 1 ? "pair" : "" }, ...panels.map((name, i) => h("section", { class: "card" }, h("h2", {}, `${metric} on ${workload} (${name})`), boxes[i]))),
      tables.enhance(table(chosen, metric)));
    const draw = () => panels.forEach((name, i) => panel(boxes[i], chosen.filter((one) => `${one.device}, ${one.machine}` === name), metric));
    draw();
    onResize(view, draw);
    place.dataset.drawn = `${suite}/${workload}/${metric}`;
  }

  function panel(box, lines, metric) {
    const times = new Map(lines.flatMap((one) => one.points.map((point) => [point.commit, point.time])));
    const commits = [...times.keys()].sort((a, b) => times.get(a).localeCompare(times.get(b)) || a.localeCompare(b));
    const values = lines.flatMap((one) => one.points.flatMap((point) => [point.value, point.low, point.high]));
    const log = chart.isWide(values, 30);
    const right = Math.min(170, Math.round(0.34 * box.clientWidth));
    const every = Math.max(1, Math.ceil(commits.length / Math.max(1, Math.floor((box.clientWidth - right - 58) / 70))));
    const { layer, x, y, bounds } = chart.frame(box, {
      title: `${metric} over commits`, words: `${lines.length} methods, ${commits.length} commits`, right,
      x: { label: "commit", domain: [-0.3, commits.length - 0.7], ticks: commits.map((_, i) => i).filter((i) => i % every === 0), format: (i) => commits[i].slice(0, 7) },
      y: { label: `${metric} (${lines[0].better} is better)`, values, log },
    });
    const safe = (value) => y(log ? Math.max(value, 1e-300) : value);
    const ends = lines.map((one, i) => {
      const named = chart.series(i);
      const at = one.points.map((point) => [x(commits.indexOf(point.commit)), point]);
      const band = d3.area().x(([place]) => place).y0(([, point]) => safe(point.low)).y1(([, point]) => safe(point.high));
      const line = d3.line().x(([place]) => place).y(([, point]) => safe(point.value));
      layer.append(svg("g", { class: `line ${named}`, "data-method": one.method }, svg("title", {}, one.method),
        svg("path", { class: "band", d: band(at) }), svg("path", { class: "median", d: line(at) }),
        ...at.map(([place, point]) => svg("circle", { cx: place, cy: safe(point.value), r: 3 }, svg("title", {}, `${one.method} at ${point.commit}: ${number(point.value)}`))),
        ...one.steps.map((begin) => svg("path", { class: "change", d: `M${at[begin][0]} ${safe(at[begin][1].value) - 16}l-5 -8h10z` }, svg("title", {}, `a new level begins at ${at[begin][1].commit}`)))));
      return { x: at.at(-1)[0], y: safe(one.points.at(-1).value), text: one.method, label: labels.fit(one.method, right - 14), series: named };
    });
    labels.ends(layer, ends, bounds.right, bounds.top + 4, bounds.bottom);
  }

  function table(lines, metric) {
    const numeric = { class: "figure", "data-kind": "number" };
    const rows = lines.flatMap((one) => one.points.map((point, i) => h("tr", { "data-method": one.method }, h("th", { scope: "row" }, one.method), h("td", {}, `${one.device}, ${one.machine}`),
      h("td", {}, h("code", {}, point.commit)), h("td", {}, point.time.replace("T", " ")), h("td", { class: "figure", "data-value": point.value }, number(point.value)),
      h("td", { class: "quiet figure" }, point.low === point.high ? "" : `${number(point.low)} – ${number(point.high)}`), h("td", {}, one.steps.includes(i) ? "new level" : ""))));
    return h("div", { class: "table", "data-name": "points", "data-limit": 20 }, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Points" },
      h("table", {}, h("caption", {}, `${metric} over commits`), h("thead", {}, h("tr", {}, h("th", {}, "method"), h("th", {}, "device, machine"), h("th", {}, "commit"), h("th", {}, "of"),
        h("th", numeric, metric), h("th", numeric, "95 % interval"), h("th", {}, "change"))), h("tbody", {}, ...rows))));
  }

  state.onChange(show);
  show();
});
