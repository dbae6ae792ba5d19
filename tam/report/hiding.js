// Keys that work while held down: H hides the map, the space bar lets the pointer drag pictures.

function listenToHeldKeys(page) {
  const typing = (target) => target.closest?.("input:not([type=range], [type=checkbox]), select, textarea");
  const hide = (on) => {
    document.documentElement.classList.toggle("map-hidden", on);
    $("hide").setAttribute("aria-pressed", String(on));
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "h" || event.key === "H") hide(true);
    if (event.key === " " && event.target.closest?.(".frame, body") && !event.target.closest?.("button, [role=button], summary, a")) {
      page.spaceHeld = true;
      if (event.target.closest(".frame")) event.preventDefault();
    }
  });
  addEventListener("keyup", (event) => {
    if (event.key === "h" || event.key === "H") hide(false);
    if (event.key === " ") page.spaceHeld = false;
  });
  addEventListener("blur", () => { hide(false); page.spaceHeld = false; });
  const button = $("hide");
  button.addEventListener("pointerdown", () => hide(true));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(end, () => hide(false));
  button.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") hide(true); });
  button.addEventListener("keyup", () => hide(false));
}
