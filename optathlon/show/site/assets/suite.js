"use strict";
/* The page of a suite: which board is looked at, its pictures and its table. */
addEventListener("DOMContentLoaded", async () => {
  const { h, load, decode, state, onResize, chart, plots, board, tables } = Optathlon;
  const section = document.getElementById("boards");
  if (!section) return;
  const suite = section.dataset.suite;
  const place = document.getElementById("board");
  const data = await load(`boards/${suite}`, `${suite}.js`);
  const rows = unpack(data.rows);
  const boards = Map.groupBy ? Map.groupBy(rows, id) : rows.reduce((found, row) => found.set(id(row), [...(found.get(id(row)) ?? []), row]), new Map());

  function unpack(columns) {
    const names = Object.keys(columns);
    const lists = names.map((name) => (columns[name].words ? decode(columns[name]) : columns[name]));
    return lists[0].map((_, i) => Object.fromEntries([["suite", suite], ...names.map((name, j) => [name, lists[j][i]])]));
  }

  function id(row) {
    return [row.workload, row.scale, row.device, row.machine].join("/");
  }

  const part = (key, i) => key.split("/")[i];
  const FIELDS = ["workload", "scale", "device", "machine"];
  const choosers = FIELDS.map((field, i) => h("select", { name: field, onchange: () => choose(i) }));
  const several = (i) => new Set([...boards.keys()].map((key) => part(key, i))).size > 1;
  const buttons = [h("button", { type: "button", onclick: () => turn(-1), "aria-label": "previous board" }, "‹"), h("button", { type: "button", onclick: () => turn(1), "aria-label": "next board" }, "›")];
  const controls = h("form", { class: "filters", "aria-label": "Board" },
    ...FIELDS.map((field, i) => h("label", several(i) || i === 0 ? {} : { hidden: true }, `${field} `, choosers[i])), h("span", {}, ...buttons));
  controls.addEventListener("submit", (event) => event.preventDefault());
  const view = h("div", { id: "view" });
  place.append(controls, view);
  chart.highlight(view);

  let shown = "";

  function current() {
    const asked = state.get("board");
    return boards.has(asked) ? asked : boards.has(section.dataset.default) ? section.dataset.default : [...boards.keys()][0];
  }

  /* Go to a board that has what was chosen, and as much as may be of the rest. */
  function choose(i) {
    const wanted = choosers.map((chooser) => chooser.value);
    const keys = [...boards.keys()].filter((key) => part(key, i) === wanted[i]);
    const same = (key) => wanted.filter((value, j) => part(key, j) === value).length;
    state.set({ board: keys.sort((a, b) => same(b) - same(a))[0] });
    show();
  }

  function turn(step) {
    const keys = [...boards.keys()];
    state.set({ board: keys[(keys.indexOf(current()) + step + keys.length) % keys.length] });
    show();
  }

  function show() {
    const key = current();
    const asked = state.get("board");
    shown = key;
    FIELDS.forEach((_, i) => {
      const [keys, chosen] = [[...boards.keys()].filter((other) => i > 0 || part(other, 1) === part(key, 1)), part(key, i)];
      choosers[i].replaceChildren(...[...new Set(keys.map((other) => part(other, i)))].map((value) => h("option", { value, selected: value === chosen }, value)));
    });
    const all = boards.get(key);
    const first = all.filter((row) => row.metric === all[0].metric);
    const series = new Map(first.map((row, i) => [row.method, chart.series(i)]));
    const [pareto, along, profile] = [0, 0, 0].map(() => h("div", { class: "plot" }));
    const found = data.profiles.find((one) => [one.scale, one.device, one.machine].every((value, i) => value === part(key, i + 1)));
    const card = (title, plot) => h("section", { class: "card" }, h("h3", {}, title), plot);
    const sentence = data.sentences[key];
    view.replaceChildren(...[
      asked && asked !== key ? h("p", { class: "warning", role: "note" }, `No board here is called ${asked}: this is ${key}.`) : null,
      sentence ? h("p", { class: "standing-line" }, sentence) : null,
      h("div", { class: "pair" }, card("Score against seconds, with the Pareto front", pareto), card("Score along the run", along)),
      tables.enhance(board.table(first, all.filter((row) => row.metric !== all[0].metric), series, key.split("/").join(", "))),
      board.remarks(first),
      board.failures(first),
      found ? card("Share of this scale's workloads solved within a factor of the fastest", profile) : null,
    ].filter(Boolean));
    const draw = async () => {
      plots.pareto(pareto, first, series);
      if (found) plots.profile(profile, found);
      const traces = tracesOf(await load(`traces/${suite}`, `${suite}.traces.js`), key);
      along.closest(".card").hidden = traces.size === 0;
      if (current() === key && traces.size) plots.along(along, traces, series, `${first[0].metric} (${first[0].better} is better)`);
      section.dataset.drawn = key;
      performance.mark("drawn");
    };
    draw();
    for (const plot of [pareto]) onResize(plot, draw);
  }

  function tracesOf(traces, key) {
    const code = traces.board.words.indexOf(key);
    const found = new Map();
    traces.board.codes.forEach((own, i) => {
      if (own !== code) return;
      const method = traces.method.words[traces.method.codes[i]];
      if (!found.has(method)) found.set(method, []);
      found.get(method).push({ seconds: traces.seconds[i], score: traces.score[i] });
    });
    return found;
  }

  state.onChange(() => current() !== shown && show());
  show();
});
