// Runs in every browser, also in those that cannot run the page: plain ES5, no build step.
// It marks the browsers that can; in all others the text in the HTML stays where it is.
(function () {
  if (
    typeof window.HTMLDialogElement === "function" &&
    typeof window.structuredClone === "function" &&
    typeof window.WebSocket === "function"
  ) {
    document.documentElement.className += " supported";
  }
})();
