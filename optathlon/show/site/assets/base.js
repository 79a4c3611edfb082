"use strict";
/* What every page uses: elements, numbers, the state in the address, data loaded on demand, light and dark. */
const Optathlon = (() => {
  const received = new Map();
  const waiting = new Map();
  const SVG = "http://www.w3.org/2000/svg";

  /* Called by the scripts in data/. */
  function receive(name, value) {
    received.set(name, value);
    waiting.get(name)?.resolve(value);
  }

  /* Promise data by name; `file` is its script below data/, loaded once. A page waits at most for its own folder. */
  function load(name, file) {
    if (received.has(name)) return Promise.resolve(received.get(name));
    if (waiting.has(name)) return waiting.get(name).promise;
    const entry = {};
    entry.promise = new Promise((resolve, reject) => {
      entry.resolve = resolve;
      const script = document.createElement("script");
      script.src = `${root()}data/${file}`;
      script.onerror = () => reject(new Error(`${file} is not in this folder`));
      document.head.append(script);
    });
    waiting.set(name, entry);
    return entry.promise;
  }

  function root() {
    return document.body.dataset.root;
  }

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  }

  /* Texts become text nodes: nothing that comes from a record is ever parsed as markup. */
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /* A number as people read it: four significant digits. */
  function number(value, digits = 4) {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
    return String(Number(value.toPrecision(digits)));
  }

  const decode = (column) => column.codes.map((code) => column.words[code]);

  /* The state of a page is in its address, after the #, so that a link shows what was seen. */
  const state = {
    all() {
      const text = location.hash.slice(1);
      return new URLSearchParams(text.includes("=") ? text : "");
    },
    get: (key) => state.all().get(key) ?? "",
    set(changes) {
      const parameters = state.all();
      for (const [key, value] of Object.entries(changes)) {
        if (value === "" || value === null || value === undefined) parameters.delete(key);
        else parameters.set(key, value);
      }
      const text = parameters.toString();
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    },
    onChange: (callback) => addEventListener("hashchange", callback),
  };

  function theme() {
    const stored = () => {
      try { return localStorage.getItem("theme"); } catch { return null; }
    };
    const apply = (name) => name && document.documentElement.setAttribute("data-theme", name);
    apply(stored());
    addEventListener("DOMContentLoaded", () => {
      document.getElementById("theme")?.addEventListener("click", () => {
        const dark = matchMedia("(prefers-color-scheme: dark)").matches;
        const now = document.documentElement.getAttribute("data-theme") ?? (dark ? "dark" : "light");
        const next = now === "dark" ? "light" : "dark";
        apply(next);
        try { localStorage.setItem("theme", next); } catch { /* a private window: for this page alone */ }
      });
    });
  }

  /* The address of a method's page. */
  const methodPage = (suite, method) => `${root()}method/${suite}/${method.replace(/[^A-Za-z0-9_.+-]/g, "_")}.html`;

  /* Call back when the width of an element has changed. */
  function onResize(element, callback) {
    let width = element.clientWidth;
    let timer = 0;
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      clearTimeout(timer);
      timer = setTimeout(callback, 80);
    }).observe(element);
  }

  theme();
  return { receive, load, root, h, svg, number, decode, state, onResize, methodPage };
})();
