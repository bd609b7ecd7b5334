"use strict";
// The table: unpacks the columns, then filters, sorts and pages the rows. Text is inserted as text, never as markup.
(async () => {
  const at = (id) => document.getElementById(id);
  const table = at("table"), rows = at("rows"), template = at("row"), controls = at("controls"), pages = at("pages");
  const count = at("count"), search = at("search"), sortBy = at("sort");
  const number = new Intl.NumberFormat("en");

  const unpack = async () => {
    const text = atob(at("data").textContent);
    const bytes = new Uint8Array(text.length);
    for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(plain).json();
  };

  await new Promise((go) => setTimeout(go, 0)); // let the browser show the first rows before the work begins
  if (!("DecompressionStream" in window)) {
    count.textContent += ". This browser is too old to unpack the other rows.";
    return;
  }
  if (at("data").textContent.length > 1e6) count.textContent = "Unpacking all rows…";
  const data = await unpack();
  at("data").remove();
  const { tags, documents, rows: of } = data;
  const total = of.tag.length, document_ = Int32Array.from(of.document);

  // The columns to search, filter and sort by: each has one code per row, an index into its distinct values.
  const perDocument = (name) => {
    const codes = documents[name].codes;
    return { codes: Int32Array.from(document_, (place) => codes[place]), values: documents[name].values };
  };
  const coded = (name) => ({ codes: Int32Array.from(of[name].codes), values: of[name].values });
  const company = perDocument("company"), form = perDocument("form"), file = perDocument("file");
  const source = perDocument("source"), name = perDocument("name");
  const sentence = coded("sentence"), section = coded("section"), text = coded("text"), verdict = coded("verdict");
  const tag = { codes: Int32Array.from(of.tag), values: tags.map((each) => each.name) };
  const concept = { codes: tag.codes, values: tags.map((each) => each.label) };
  const regrouped = (column, group) => {
    const values = [], places = new Map();
    const to = column.values.map((value) => {
      const key = group(value);
      if (!places.has(key)) places.set(key, values.push(key) - 1);
      return places.get(key);
    });
    return { codes: column.codes.map((code) => to[code]), values };
  };
  const item = regrouped(section, (value) => value.split(" > ")[0]);
  const period = perDocument("period"), filed = perDocument("filed");
  const years = { codes: new Int32Array(total), values: [] };
  const yearPlaces = new Map();
  for (let row = 0; row < total; row++) {
    const day = period.values[period.codes[row]] || filed.values[filed.codes[row]];
    const year = day.slice(0, 4);
    if (!yearPlaces.has(year)) yearPlaces.set(year, years.values.push(year) - 1);
    years.codes[row] = yearPlaces.get(year);
  }

  // The options of the filters, each with its count.
  const filters = { tag, company, form, year: years, section: item, verdict };
  const byName = (a, b) => a[0].localeCompare(b[0], "en", { numeric: true });
  const byCount = (a, b) => b[1] - a[1] || byName(a, b);
  const orders = { company: byName, year: (a, b) => byName(b, a) };
  for (const [key, column] of Object.entries(filters)) {
    const select = at(`by-${key}-filter`);
    if (!select) continue;
    const counts = new Int32Array(column.values.length);
    for (const code of column.codes) counts[code]++;
    const choices = column.values.map((value, code) => [value, counts[code], code]);
    if (choices.length > 3000 || choices.length < 2) {
      select.closest("label").remove(); // too many options: use the search instead
      continue;
    }
    for (const [value, rowsOfIt, code] of choices.sort(orders[key] ?? byCount)) {
      const shown = value.length > 60 ? `${value.slice(0, 59)}…` : value;
      select.append(new Option(`${shown || "not stated"} (${number.format(rowsOfIt)})`, code));
    }
  }

  const searched = [sentence, company, section, file, name, form, text, tag, concept];
  const lowered = new Map();
  const lower = (column) => {
    if (!lowered.has(column)) lowered.set(column, column.values.map((value) => value.toLowerCase()));
    return lowered.get(column);
  };
  const terms = () => search.value.toLowerCase().match(/"[^"]+"|\S+/g)?.map((term) => term.replaceAll('"', "")).filter(Boolean) ?? [];

  const matching = () => {
    const keep = new Uint8Array(total).fill(1);
    for (const [key, column] of Object.entries(filters)) {
      const chosen = at(`by-${key}-filter`)?.value;
      if (!chosen) continue;
      const code = Number(chosen);
      for (let row = 0; row < total; row++) if (column.codes[row] !== code) keep[row] = 0;
    }
    const confidence = at("by-confidence-filter").value;
    if (confidence) {
      const [least, below] = confidence.split(",").map(Number);
      for (let row = 0; row < total; row++) if (of.confidence[row] < least || of.confidence[row] >= below) keep[row] = 0;
    }
    for (const term of terms()) {
      const hits = searched.map((column) => ({ codes: column.codes, hit: Uint8Array.from(lower(column), (value) => value.includes(term)) }));
      const useful = hits.filter(({ hit }) => hit.includes(1));
      for (let row = 0; row < total; row++) if (keep[row] && !useful.some(({ codes, hit }) => hit[codes[row]])) keep[row] = 0;
    }
    const found = [];
    for (let row = 0; row < total; row++) if (keep[row]) found.push(row);
    return Int32Array.from(found);
  };

  // A rank per row for each order; rows without a value come last in both directions.
  const ranked = (column) => {
    const order = column.values.map((_, code) => code).sort((a, b) => byName([column.values[a]], [column.values[b]]));
    const rank = new Float64Array(order.length);
    order.forEach((code, place) => { rank[code] = column.values[code] === "" ? NaN : place; });
    return Float64Array.from(column.codes, (code) => rank[code]);
  };
  const keys = {
    value: () => Float64Array.from(of.value.codes, (code) => of.value.values[code] ?? NaN),
    confidence: () => Float64Array.from(of.confidence),
    tag: () => ranked(tag),
    company: () => ranked(company),
  };
  const made = {};
  const sorted = (found, sort) => {
    const key = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
    if (key === "order") return found;
    const by = (made[key] ??= keys[key]());
    return found.sort((a, b) => {
      const x = by[a], y = by[b];
      if (x === y) return a - b;
      if (x !== x || y !== y) return (x !== x) - (y !== y) || a - b;
      return sign * (x - y);
    });
  };

  const filled = (row) => {
    const line = template.content.firstElementChild.cloneNode(true);
    const say = (key, value) => { line.querySelector(`[data-of="${key}"]`).textContent = value; };
    const own = (column, key) => documents[key].values[documents[key].codes[document_[row]]];
    const { name: tagName, label, accent } = tags[of.tag[row]];
    const whole = sentence.values[sentence.codes[row]], start = of.start[row], end = start + of.length[row];
    const value = of.value.codes[row], when = own(documents, "period") || own(documents, "filed");
    line.classList.add(accent);
    for (const [key, shown] of [
      ["value", of.value.shown[value]], ["tag", tagName], ["before", whole.slice(0, start)],
      ["number", whole.slice(start, end)], ["after", whole.slice(end)], ["section", section.values[section.codes[row]]],
      ["company", own(documents, "company") || "not named"], ["form", own(documents, "form")], ["period", when],
      ["confidence", (of.confidence[row] / 1000).toFixed(3)], ["verdict", verdict.values[verdict.codes[row]]],
      ["file", own(documents, "file")], ["label", label], ["text", text.values[text.codes[row]]],
      ["exact", of.value.exact[value]], ["name", own(documents, "name")], ["source", own(documents, "source")],
      ["index", number.format(of.index[row])], ["place", number.format(of.place[row])],
      ["filed", own(documents, "filed") || "not known"], ["model", own(documents, "model")], ["run", own(documents, "run")],
    ]) say(key, shown);
    const link = own(documents, "link");
    if (link.startsWith("https://") || link.startsWith("http://")) {
      const anchor = document.createElement("a");
      anchor.rel = "noreferrer noopener";
      anchor.href = link;
      anchor.textContent = link;
      line.querySelector('[data-of="link"]').replaceChildren(anchor);
    }
    return line;
  };

  let found = new Int32Array(0), page = 0, sort = "order";
  const size = () => Number(at("size").value);
  const last = () => Math.max(Math.ceil(found.length / size()) - 1, 0);

  const mark = () => {
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("search");
    const wanted = terms(), ranges = [];
    if (wanted.length) {
      const walker = document.createTreeWalker(rows, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode, content = node.data.toLowerCase();
        if (content.length !== node.data.length) continue; // lower case has another length, so offsets would not match
        for (const term of wanted) {
          for (let place = content.indexOf(term); place >= 0; place = content.indexOf(term, place + term.length)) {
            const range = new Range();
            range.setStart(node, place);
            range.setEnd(node, place + term.length);
            ranges.push(range);
          }
        }
      }
    }
    if (ranges.length) CSS.highlights.set("search", new Highlight(...ranges));
  };

  const draw = () => {
    page = Math.min(Math.max(page, 0), last());
    const begin = page * size(), shown = found.subarray(begin, begin + size());
    if (shown.length) rows.replaceChildren(...Array.from(shown, filled));
    else {
      const line = document.createElement("tr"), cell = document.createElement("td");
      cell.colSpan = 5;
      cell.className = "none";
      cell.textContent = "No number matches. Clear the search or a filter.";
      line.append(cell);
      rows.replaceChildren(line);
    }
    mark();
    const range = shown.length ? `, rows ${number.format(begin + 1)} to ${number.format(begin + shown.length)}` : "";
    count.textContent = `${number.format(found.length)} of ${number.format(total)} numbers${range}`;
    at("page").value = page + 1;
    at("of").textContent = `of ${number.format(last() + 1)}`;
    for (const button of pages.querySelectorAll("button")) {
      const isBack = ["first", "previous"].includes(button.dataset.go);
      button.setAttribute("aria-disabled", isBack ? page === 0 : page === last());
    }
    for (const button of table.querySelectorAll("[data-sort]")) {
      const header = button.closest("th");
      if (sort.replace("-", "") === button.dataset.sort) header.setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    }
  };
  const update = () => { found = sorted(matching(), sort); page = 0; draw(); };
  const turn = (to) => { page = to; draw(); at("count").scrollIntoView({ block: "start" }); };

  let waiting;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, total > 20000 ? 250 : 60); });
  controls.addEventListener("change", (event) => {
    if (event.target === search) return;
    if (event.target === sortBy) sort = sortBy.value;
    update();
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("reset", () => setTimeout(() => { sort = "order"; update(); search.focus(); }));
  table.querySelector("thead").addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.sort;
    if (!key) return;
    const first = key === "value" ? `-${key}` : key, other = first.startsWith("-") ? key : `-${key}`;
    sort = sort === first ? other : sort === other ? "order" : first;
    sortBy.value = sort;
    update();
  });
  pages.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    turn({ first: 0, previous: page - 1, next: page + 1, last: last() }[button.dataset.go]);
  });
  at("page").addEventListener("change", (event) => turn((Number.parseInt(event.target.value, 10) || 1) - 1));
  at("size").addEventListener("change", () => { page = 0; draw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    search.focus();
  });

  controls.hidden = false;
  pages.hidden = false;
  for (const button of table.querySelectorAll("[data-sort]")) button.disabled = false;
  update();
  document.documentElement.dataset.ready = "true";
})();
