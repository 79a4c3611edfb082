"use strict";
/* Tables as text: CSV, LaTeX, Markdown; and the clipboard. */
Optathlon.exports = (() => {
  const { h } = Optathlon;
  const FORMULA = /^[=+\-@\t\r]/;
  const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

  /* A spreadsheet takes some texts for formulas; an apostrophe makes them texts again. */
  function csvCell(text) {
    const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "×": "\\(\\times\\)", "–": "--" };
  const latexCell = (text) => text.replace(/[\\~^×–&%$#_{}]/g, (mark) => LATEX[mark] ?? `\\${mark}`);
  const markdownCell = (text) => text.replace(/[\\|`[\]_*<>]/g, (mark) => `\\${mark}`).replace(/\s+/g, " ");

  const csv = (header, rows) => [header, ...rows].map((row) => row.map(csvCell).join(",")).join("\n") + "\n";

  function latex(header, rows, caption) {
    const line = (cells) => `${cells.map(latexCell).join(" & ")} \\\\`;
    const columns = header.map((_, i) => (rows.length && rows.every((row) => !row[i] || /^[~\d.+-]/.test(row[i])) ? "r" : "l")).join("");
    return ["% needs \\usepackage{booktabs}", "\\begin{table}[tbp]", "\\centering", `\\caption{${latexCell(caption)}}`,
      `\\begin{tabular}{${columns}}`, "\\toprule", line(header), "\\midrule", ...rows.map(line), "\\bottomrule",
      "\\end{tabular}", "\\end{table}", ""].join("\n");
  }

  function markdown(header, rows) {
    const line = (cells) => `| ${cells.map(markdownCell).join(" | ")} |`;
    return [line(header), `|${" --- |".repeat(header.length)}`, ...rows.map(line), ""].join("\n");
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
      document.body.append(area);
      area.value = text;
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) throw new Error("the browser does not let this page copy");
    }
  }

  /* Buttons that copy what `table()` returns: {caption, header, rows}. */
  function buttons(table) {
    const said = h("span", { class: "said", role: "status" });
    const tell = async (make, what) => {
      try {
        const text = make();
        await copy(text);
        Optathlon.copied = text; // what the last button copied
        said.textContent = `${what} copied`;
      } catch (error) {
        said.textContent = error.message;
      }
      setTimeout(() => { said.textContent = ""; }, 2500);
    };
    const button = (name, what, make) =>
      h("button", { type: "button", "data-format": name.toLowerCase(), "aria-label": `Copy ${what}`, onclick: () => tell(make, what) }, name);
    const shown = () => table();
    return h("span", { class: "copy" },
      button("CSV", "CSV", () => csv(shown().header, shown().rows)),
      button("LaTeX", "LaTeX", () => latex(shown().header, shown().rows, shown().caption)),
      button("Markdown", "Markdown", () => markdown(shown().header, shown().rows)),
      button("Link", "link", () => location.href),
      said);
  }

  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(document.getElementById(button.dataset.copy).textContent));
    }
  });

  /* Hand a text over as a file. */
  function download(name, type, text) {
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  return { csv, latex, markdown, copy, buttons, download };
})();
