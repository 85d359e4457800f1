// Small helps that need no answer of the server. Pages work without them, but for what htmx does.
"use strict";

// a form or field with `data-auto` sends its form when something changes
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
});

// an <output> with `data-of` shows the value of a slider while it is moved
document.addEventListener("input", (event) => {
  for (const shown of document.querySelectorAll(`output[data-of="${CSS.escape(event.target.id || " ")}"]`)) {
    shown.textContent = Number(event.target.value).toLocaleString(document.documentElement.lang);
  }
});

// a form with `data-confirm` is sent once the question was answered with yes
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, true);

// a slider with `data-with` and the field of that id show the same number
document.addEventListener("input", (event) => {
  const field = document.getElementById(event.target.dataset.with || "");
  if (field) field.value = event.target.value;
  for (const slider of document.querySelectorAll(`[data-with="${CSS.escape(event.target.id || " ")}"]`)) {
    slider.value = event.target.value;
  }
});

// what a <details class="pick"> has opened is closed by a click elsewhere, and by Escape, which goes back to its head
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.pick[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.pick[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// what a head says, without signs such as that of the order
function named(head) {
  const words = head.cloneNode(true);
  words.querySelectorAll("[aria-hidden]").forEach((sign) => sign.remove());
  return words.textContent.trim();
}

// rows of `table[data-stack]` are cards on a phone: each cell is named by the head of its column
function stack() {
  for (const table of document.querySelectorAll("table[data-stack]:not(.stack)")) {
    const heads = [...table.tHead.rows[0].cells].map(named);
    for (const cell of table.querySelectorAll("tbody td")) {
      if (heads[cell.cellIndex]) cell.dataset.label = heads[cell.cellIndex];
    }
    table.classList.add("stack");
  }
}

// a shadow at a side of what scrolls, and words above it, say that there is more
function shade(scrolled) {
  scrolled.dataset.hint = document.body.dataset.hint;
  const hidden = scrolled.scrollWidth - scrolled.clientWidth;
  scrolled.classList.toggle("left", scrolled.scrollLeft > 1);
  scrolled.classList.toggle("right", hidden - scrolled.scrollLeft > 1);
}
const sizes = new ResizeObserver((changed) => changed.forEach((one) => shade(one.target)));
document.addEventListener("scroll", (event) => event.target.matches?.(".scroll") && shade(event.target), true);

function arrange() {
  stack();
  document.querySelectorAll(".scroll").forEach((one) => sizes.observe(one));
}
arrange();
document.addEventListener("htmx:afterSettle", arrange);

// `details[data-fold]` are folded where the screen is small, and open, without a head, where it is not
const small = window.matchMedia("(max-width: 48rem)");
function fold() {
  for (const one of document.querySelectorAll("details[data-fold]")) one.open = !small.matches;
}
fold();
small.addEventListener("change", fold);
