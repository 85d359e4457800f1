// Draws what serving/console/charts.py describes, with Apache ECharts, in the colours of the page.
"use strict";

(() => {
  const language = document.documentElement.lang;
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const palette = () => [1, 2, 3, 4, 5, 6].map((number) => colour(`chart-${number}`));
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  const written = (chart) => (value) => (
    chart.format === "percent" ? share : chart.scale ? fine : short).format(value);

  // a tooltip of HTML would write styles into the page, which its policy forbids
  const tooltip = (more) => ({
    renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
    textStyle: { color: colour("text") }, ...more,
  });
  const base = (chart) => ({
    animation: false, color: palette(), textStyle: { color: colour("text"), fontFamily: "inherit" },
    aria: { enabled: false, decal: { show: (chart.series || []).length > 1 } },
  });
  const axis = (more) => ({
    axisLine: { lineStyle: { color: colour("soft") } }, axisLabel: { color: colour("soft"), hideOverlap: true },
    splitLine: { lineStyle: { color: colour("line") } }, nameTextStyle: { color: colour("soft") }, ...more,
  });

  function overCategories(chart) {
    const flat = chart.kind === "rows";
    const names = axis({ type: "category", data: chart.categories, inverse: flat, splitLine: { show: false } });
    if (flat) names.axisLabel.interval = 0; // every row has its name
    const values = axis({
      type: "value", name: chart.unit, nameLocation: flat ? "middle" : "end", nameGap: flat ? 28 : 12,
      scale: chart.scale, nameTextStyle: { color: colour("soft"), align: flat ? "center" : "left" },
      axisLabel: { color: colour("soft"), formatter: written(chart) },
    });
    const line = chart.kind === "line";
    const series = chart.series.map((one, place) => ({
      name: one.name, type: line ? "line" : "bar", data: one.values, stack: chart.stacked ? "all" : undefined,
      symbolSize: 7, barMaxWidth: 42, connectNulls: false,
      lineStyle: line ? { type: ["solid", "dashed", "dotted"][place % 3] } : undefined,
    }));
    chart.series.forEach((one, place) => {
      if (one.low.length) series.push(...band(one, palette()[place % 6], flat));
    });
    return {
      ...base(chart),
      grid: { left: 12, right: 24, top: chart.series.length > 1 ? 52 : 36, bottom: flat ? 36 : 12, containLabel: true },
      legend: chart.series.length > 1
        ? { textStyle: { color: colour("text") }, top: 0, type: "scroll", data: chart.series.map((one) => one.name) }
        : undefined,
      tooltip: tooltip({
        trigger: "axis", axisPointer: { type: line ? "line" : "shadow" },
        formatter: (points) => [chart.categories[points[0].dataIndex],
          ...chart.series.map((one) => `${one.name}: ${one.texts[points[0].dataIndex]}`)].join("\n"),
      }),
      xAxis: flat ? values : names, yAxis: flat ? names : values, series,
    };
  }

  // the interval of each value, as a line from its low to its high end
  function band(one, shade, flat) {
    const ends = one.values.map((_, place) => [place, one.low[place], one.high[place]]);
    return [{
      type: "custom", silent: true, encode: flat ? { y: 0, x: [1, 2] } : { x: 0, y: [1, 2] },
      tooltip: { show: false }, z: 5, data: ends.filter((end) => end[1] !== null),
      renderItem: (_, api) => {
        const at = (value) => (flat ? api.coord([value, api.value(0)]) : api.coord([api.value(0), value]));
        const [from, to] = [at(api.value(1)), at(api.value(2))];
        return {
          type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
          style: { stroke: colour("text"), lineWidth: 2 },
        };
      },
      color: shade,
    }];
  }

  function flow(chart) {
    const left = (name) => `${name}\u200b`; // the same name stands on both sides
    const names = new Set();
    const links = chart.moves.map(([from, to, value, text]) => {
      names.add(left(from)).add(to);
      return { source: left(from), target: to, value, text };
    });
    return {
      ...base(chart),
      tooltip: tooltip({
        formatter: ({ data }) => (data.source ? `${data.source} → ${data.target}\n${data.text}` : data.name),
      }),
      series: [{
        type: "sankey", data: [...names].map((name) => ({ name })), links, top: 12, bottom: 12, left: 8, right: 120,
        label: { color: colour("text") }, lineStyle: { color: "source", opacity: 0.35 }, layoutIterations: 0,
      }],
    };
  }

  const kinds = { bars: overCategories, rows: overCategories, line: overCategories, flow };

  function draw(canvas) {
    const chart = JSON.parse(canvas.dataset.chart);
    const picture = drawn.get(canvas) || echarts.init(canvas, null, { renderer: "canvas" });
    drawn.set(canvas, picture);
    picture.setOption(kinds[chart.kind](chart), true);
    if (chart.links && chart.links.length) {
      picture.off("click");
      picture.on("click", (event) => { window.location.assign(chart.links[event.dataIndex]); });
    }
  }

  function drawAll() {
    for (const [canvas, picture] of drawn) {
      if (!canvas.isConnected) {
        picture.dispose();
        drawn.delete(canvas);
      }
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  window.addEventListener("resize", () => drawn.forEach((picture) => picture.resize()));
})();
