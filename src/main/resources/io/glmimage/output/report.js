// Moves the handles between source and edited images.
document.addEventListener("input", (event) => {
  if (event.target.matches(".slider input")) {
    event.target.parentNode.style.setProperty("--at", event.target.value + "%");
  }
});
