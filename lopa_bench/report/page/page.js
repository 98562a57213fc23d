// On a phone the contents start closed; a link into a closed part opens it; the runs can be sorted and filtered.
if (innerWidth < 1024) document.querySelector("nav details").open = false;

const table = document.querySelector("table.runs");
if (table) {
  const body = table.tBodies[0], rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, i) => row.cells[i].textContent;
  const number = text => {  // "1.17M", "-3.20 ± 0.40", "1,597"; NaN of anything else
    const found = text.match(/^(-?[\d.,]+)([KMB]?)( ±.*)?$/);
    return found ? parseFloat(found[1].replaceAll(",", "")) * ({K: 1e3, M: 1e6, B: 1e9}[found[2]] ?? 1) : NaN;
  };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    return isNaN(x) || isNaN(y) ? a.localeCompare(b, undefined, {numeric: true}) : x - y;
  };
  heads.forEach((head, i) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => compare(value(a, i), value(b, i)) * (down ? -1 : 1));
    body.append(...rows);
  }));
  const input = document.querySelector("input[type=search]"), count = document.querySelector("output");
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    count.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} settings`;
  };
  input.addEventListener("input", filter);
  filter();
}
