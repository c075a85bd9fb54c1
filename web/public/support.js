// Runs in every browser, also in those that cannot run the page: plain ES5, no build step.
// It marks the browsers that can; in all others the text in the HTML stays where it is.
(function () {
  // A forced theme is there before the first picture: nothing may flash in a dark app.
  var theme = /[?&]theme=(light|dark)(&|$)/.exec(location.hash);
  if (theme) document.documentElement.setAttribute("data-theme", theme[1]);
  if (
    typeof window.HTMLDialogElement === "function" &&
    typeof window.structuredClone === "function" &&
    typeof window.WebSocket === "function"
  ) {
    document.documentElement.className += " supported";
  }
})();
