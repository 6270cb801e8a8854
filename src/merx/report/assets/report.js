// What moves in a report: charts, the choice of a series, of a shopper and of a product, the price slider,
// and the table of prices. All text from the shop goes through textContent or merx.escape.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("merx-data").textContent);
  Object.assign(merx.currency, data.currency);
  const { format, known } = merx;
  const $ = (id) => document.getElementById(id);
  const node = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const why = (id) => `merx why ${data.folder} ${id}`;

  // --- charts that stand still ---
  for (const element of document.querySelectorAll("[data-chart]")) {
    merx.mount(element, data.charts[element.dataset.chart]);
  }

  // --- panels of which a select shows one: [data-panels=NAME] > [data-panel] ---
  const choose = (name, shown) => {
    const select = $(`${name}-choice`);
    if (!select) return;
    const panels = [...document.querySelectorAll(`[data-panel-of="${name}"]`)];
    const show = () => {
      panels.forEach((panel, i) => (panel.hidden = i !== select.selectedIndex));
      shown(select.selectedIndex, panels[select.selectedIndex]);
    };
    select.addEventListener("change", show);
    show();
  };

  // --- forecast ---
  choose("forecast", (i) => merx.mount($("forecast-chart"), data.charts[`forecast-${i}`]));

  // --- shoppers: a pressed recommendation shows its reasons ---
  choose("shopper", (i, panel) => {
    const buttons = [...panel.querySelectorAll("[data-reasons]")];
    const details = [...panel.querySelectorAll("[data-detail]")];
    const press = (pressed) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === pressed)));
      details.forEach((detail) => {
        detail.hidden = detail.dataset.detail !== pressed.dataset.reasons;
        const chart = detail.querySelector(".chart");
        if (!detail.hidden && chart) merx.mount(chart, data.charts[`reasons-${pressed.dataset.reasons}`]);
      });
    };
    for (const button of buttons) {
      button.onclick = () => {
        press(button);
        panel.querySelector(".details").scrollIntoView({ block: "nearest" }); // below the list on a narrow page
      };
    }
    if (buttons.length) press(buttons.find((b) => b.getAttribute("aria-pressed") === "true") || buttons[0]);
  });

  // --- the price slider ---
  // Linear between the points of the grid.
  const between = (xs, ys, x) => {
    let i = 1;
    while (i < xs.length - 1 && xs[i] < x) i += 1;
    const [a, b] = [ys[i - 1], ys[i]];
    if (!known(a) || !known(b)) return null;
    const t = (x - xs[i - 1]) / (xs[i] - xs[i - 1]);
    return a + (b - a) * Math.min(Math.max(t, 0), 1);
  };
  const slider = $("price-slider");
  if (slider && data.curves.length) {
    const select = $("curve-choice");
    const element = $("curve-chart");
    let curve, chart;
    const say = (id, text) => ($(id).textContent = text);
    const range = (low, high, write) => (known(low) && known(high) ? `${write(low)} to ${write(high)}` : "");
    const against = (value, now) => {
      if (!known(value) || !known(now) || now === 0) return "";
      const share = (value - now) / Math.abs(now);
      return Math.abs(share) < 0.0005 ? "as now" : `${format.change(share)} against now`;
    };
    let p = 0; // the price looked at: a slider's own value is rounded to its steps
    const move = () => {
      const at = (name, x = p) => between(curve.price, curve[name], x);
      const [units, profit] = [at("units"), at("profit")];
      const revenue = known(units) ? units * p : null;
      const now = { units: at("units", curve.now), profit: at("profit", curve.now) };
      say("at-price", format.price(p));
      say("at-units", format.number(units));
      say("at-revenue", format.money(revenue));
      say("at-profit", format.money(profit));
      say("at-price-note", against(p, curve.now));
      say("at-units-note", range(at("units_low"), at("units_high"), format.number));
      say("at-revenue-note", against(revenue, known(now.units) ? now.units * curve.now : null));
      say("at-profit-note", range(at("profit_low"), at("profit_high"), format.money));
      say("at-profit-change", against(profit, now.profit));
      slider.setAttribute(
        "aria-valuetext",
        `${format.price(p)}: ${format.number(units)} units and ${format.money(profit)} profit ${data.period}`,
      );
      slider.style.setProperty("--at", (p - slider.min) / (slider.max - slider.min || 1));
      const here = (id, value) => ({ id, data: [[p, value]], markLine: { data: [{ xAxis: p }] } });
      chart.setOption({ series: [here("here-profit", profit), here("here-units", units)] });
    };
    const stand = (price) => {
      p = Math.min(Math.max(price, curve.price[0]), curve.price[curve.price.length - 1]);
      slider.value = p;
      move();
    };
    const pick = () => {
      curve = data.curves[select.selectedIndex];
      const [low, high] = [curve.price[0], curve.price[curve.price.length - 1]];
      const cent = 10 ** -data.currency.digits;
      // about 400 steps, on whole cents where the range is wide enough
      slider.step = Math.max(Math.round((high - low) / 400 / cent), 1) * cent;
      slider.min = low;
      slider.max = high;
      say("curve-sentence", curve.sentence);
      say("curve-why", curve.decision ? why(curve.decision) : "");
      chart = merx.mount(element, curve.chart);
      $("way").hidden = !curve.way;
      if (curve.way) merx.mount($("way-chart"), curve.way);
      $("touched").hidden = !curve.touched;
      if (curve.touched) merx.mount($("touched-chart"), curve.touched);
      stand(curve.proposed);
    };
    element.addEventListener("merx:repaint", () => move());
    slider.addEventListener("input", () => {
      p = Number(slider.value);
      move();
    });
    select.addEventListener("change", pick);
    $("at-now").addEventListener("click", () => stand(curve.now));
    $("at-proposed").addEventListener("click", () => stand(curve.proposed));
    pick();
  }

  // --- the table of prices ---
  const COLUMNS = [
    "id", "title", "now", "proposed", "change", "units", "revenue", "profit", "binding", "grade", "reason", "decision",
  ];
  const body = $("quotes-body");
  if (body) {
    const PAGE = matchMedia("(max-width: 620px)").matches ? 8 : 20;
    const quotes = data.quotes.map((row) => Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]])));
    for (const q of quotes) q.text = `${q.id} ${q.title}`.toLocaleLowerCase();
    const state = { sort: null, down: true, page: 0, text: "", grades: new Set(["A", "B", "C", "D"]) };
    let found = quotes;

    const key = (q) => (Array.isArray(q[state.sort]) ? q[state.sort][0] : q[state.sort]);
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return (x === null) - (y === null); // the unknown last, either way
      const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
      return state.down ? -order : order;
    };
    const cell = (label, main, note, className) => {
      const td = node("td", className);
      td.dataset.label = label;
      td.append(node("span", "main", main));
      if (note) td.append(node("span", "note", note));
      return td;
    };
    const range = ([, low, high], write) => (known(low) && known(high) ? `${write(low)} – ${write(high)}` : "");
    const row = (q, i) => {
      const tr = node("tr");
      const head = node("th", "product");
      head.scope = "row";
      head.append(node("span", "main", q.title || q.id), node("span", "note", q.id));
      const direction = known(q.change) && Math.abs(q.change) >= 0.0005 ? (q.change > 0 ? "up" : "down") : "";
      const grade = node("td", "grade-cell");
      grade.dataset.label = "Evidence";
      const badge = node("span", "grade", q.grade);
      badge.dataset.grade = q.grade;
      grade.append(badge);
      const last = node("td", "why-cell");
      const button = node("button", "quiet", "Why?");
      button.type = "button";
      button.setAttribute("aria-expanded", "false");
      button.setAttribute("aria-label", `Why this price for ${q.title || q.id}?`);
      last.append(button);
      tr.append(
        head,
        cell("Now", format.price(q.now), "", "num"),
        cell("Proposed", format.price(q.proposed), "", "num strong"),
        cell("Change", format.change(q.change), "", `num ${direction}`),
        cell("Units", format.number(q.units[0]), range(q.units, format.number), "num"),
        cell("Revenue", format.money(q.revenue[0]), range(q.revenue, format.money), "num"),
        cell("Profit", format.money(q.profit[0]), range(q.profit, format.money), "num"),
        cell("Held by", q.binding || "–", "", "binding"),
        grade,
        last,
      );
      const more = node("tr", "more");
      more.hidden = true;
      more.id = `quote-more-${i}`;
      button.setAttribute("aria-controls", more.id);
      const wide = node("td");
      wide.colSpan = 10;
      wide.append(node("p", "", q.reason || "No reason was recorded."));
      if (q.decision) wide.append(node("code", "why", why(q.decision)));
      more.append(wide);
      button.addEventListener("click", () => {
        more.hidden = !more.hidden;
        button.setAttribute("aria-expanded", String(!more.hidden));
      });
      return [tr, more];
    };
    const draw = () => {
      const pages = Math.max(Math.ceil(found.length / PAGE), 1);
      state.page = Math.min(state.page, pages - 1);
      const from = state.page * PAGE;
      const shown = found.slice(from, from + PAGE);
      body.replaceChildren(...shown.flatMap(row));
      if (!shown.length) {
        const td = node("td", "empty", "No price matches. Clear the search, or choose more grades.");
        td.colSpan = 10;
        const tr = node("tr");
        tr.append(td);
        body.replaceChildren(tr);
      }
      const count = (n) => n.toLocaleString("en-US");
      $("quotes-count").textContent = shown.length
        ? `${count(from + 1)}–${count(from + shown.length)} of ${count(found.length)}`
        : `0 of ${count(quotes.length)}`;
      $("quotes-previous").disabled = state.page === 0;
      $("quotes-next").disabled = state.page >= pages - 1;
    };
    const select = () => {
      const text = state.text.toLocaleLowerCase().trim();
      found = quotes.filter((q) => state.grades.has(q.grade) && (!text || q.text.includes(text)));
      if (state.sort) found.sort(compare);
      state.page = 0;
      draw();
    };
    for (const button of document.querySelectorAll("#quotes [data-sort]")) {
      button.addEventListener("click", () => {
        const name = button.dataset.sort;
        const text = ["title", "grade", "binding"].includes(name);
        state.down = state.sort === name ? !state.down : !text; // first click: most, or A to Z
        state.sort = name;
        for (const th of document.querySelectorAll("#quotes th[aria-sort]")) th.setAttribute("aria-sort", "none");
        button.closest("th").setAttribute("aria-sort", state.down ? "descending" : "ascending");
        select();
      });
    }
    for (const box of document.querySelectorAll("[data-grade-filter]")) {
      box.addEventListener("change", () => {
        if (box.checked) state.grades.add(box.value);
        else state.grades.delete(box.value);
        select();
      });
    }
    $("quotes-search").addEventListener("input", (event) => {
      state.text = event.target.value;
      select();
    });
    const turn = (by) => () => {
      state.page += by;
      draw();
    };
    $("quotes-previous").addEventListener("click", turn(-1));
    $("quotes-next").addEventListener("click", turn(1));
    draw();
  }

  // --- the section in view, in the navigation ---
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const [id, a] of links) {
          if (id === entry.target.id) a.setAttribute("aria-current", "true");
          else a.removeAttribute("aria-current");
        }
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const id of links.keys()) seen.observe($(id));
  document.documentElement.dataset.ready = "true";
})();
