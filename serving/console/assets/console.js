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
