"use strict";
document.querySelectorAll("th.sortable").forEach(function (head) {
  function sort() {
    var row = head.parentNode, body = head.closest("table").tBodies[0];
    var column = Array.prototype.indexOf.call(row.children, head);
    var up = head.dataset.first !== "high";
    if (head.hasAttribute("aria-sort")) { up = head.getAttribute("aria-sort") !== "ascending"; }
    function key(line) { return line.children[column].dataset.key || line.children[column].textContent; }
    var lines = Array.prototype.slice.call(body.rows);
    lines.sort(function (a, b) {
      var x = key(a), y = key(b), p = Number(x), q = Number(y);
      var order = isNaN(p) || isNaN(q) || x === "" || y === "" ? x.localeCompare(y) : p - q;
      return up ? order : -order;
    });
    lines.forEach(function (line) { body.appendChild(line); });
    Array.prototype.forEach.call(row.children, function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }
  head.addEventListener("click", sort);
  head.addEventListener("keydown", function (press) { if (press.key === "Enter") { sort(); } });
});
