#include <turnpike/report/page.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/formula.h>
#include <turnpike/report/text.h>

#include "label_internal.h"
#include "prose_internal.h"

namespace turnpike {
namespace {

const char* word_of(Status status) {
  switch (status) {
    case Status::pass: return "pass";
    case Status::fail: return "fail";
    case Status::warning: return "warning";
    case Status::neutral: return "–";
  }
  return "";
}

const char* class_of(Status status) {
  switch (status) {
    case Status::pass: return "pass";
    case Status::fail: return "fail";
    case Status::warning: return "warning";
    case Status::neutral: return "neutral";
  }
  return "";
}

// A sign beside the colour, for readers who do not see it.
const char* sign_of(Status status) {
  switch (status) {
    case Status::pass: return "✓ ";
    case Status::fail: return "✗ ";
    case Status::warning: return "! ";
    case Status::neutral: return "";
  }
  return "";
}

std::string chip(Status status, const std::string& words) {
  return fmt::format("<span class=\"chip {}\">{}{}</span>", class_of(status), sign_of(status), inline_html(words));
}

// Characters after the decimal point, the point included, in what looks like 12.5 or 1.2×10⁻⁸.
std::size_t tail_length(const std::string& number) {
  auto point = number.find('.');
  if (point == std::string::npos) return 0;
  auto end = number.find_first_not_of("0123456789", point + 1);
  return (end == std::string::npos ? number.size() : end) - point;
}

std::string table_html(const Table& table) {
  std::size_t n_columns = table.head.size();
  for (const auto& row : table.rows) {
    require(row.size() == n_columns,
            fmt::format("a table row has {} cells where the head has {}", row.size(), n_columns));
  }
  std::vector<bool> numeric(n_columns, false);
  std::vector<std::size_t> tail(n_columns, 0);
  for (std::size_t c = 0; c < n_columns; ++c) {
    for (const auto& row : table.rows) {
      if (!row[c].is_number()) continue;
      numeric[c] = true;
      tail[c] = std::max(tail[c], tail_length(row[c].text()));
    }
  }
  std::string out = "<table><thead><tr>";
  for (std::size_t c = 0; c < n_columns; ++c) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", numeric[c] ? " class=\"n\"" : "", inline_html(table.head[c]));
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < n_columns; ++c) {
      const Cell& cell = row[c];
      if (cell.status()) {
        out += "<td>" + chip(*cell.status(), cell.text()) + "</td>";
      } else if (cell.is_number()) {
        // Right-aligned and filled with blanks as wide as the missing digits (U+2007) and point (U+2008): points align.
        std::size_t own = tail_length(cell.text());
        std::string fill;
        for (std::size_t k = own; k < tail[c]; ++k) fill += k == 0 ? "\u2008" : "\u2007";
        out += "<td class=\"n\">" + escape_xml(cell.text()) + fill + "</td>";
      } else {
        out += fmt::format("<td{}>{}</td>", numeric[c] ? " class=\"n\"" : "", inline_html(cell.text()));
      }
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>";
}

std::string facts_html(const std::vector<Fact>& facts) {
  std::string out = "<div class=\"facts\">\n";
  for (const Fact& fact : facts) {
    out += fmt::format("<div class=\"fact {}\"><div class=\"value\">{}</div><div class=\"label\">{}</div>",
                       class_of(fact.status), inline_html(fact.value), inline_html(fact.label));
    if (!fact.note.empty()) out += "<div class=\"note\">" + inline_html(fact.note) + "</div>";
    out += "</div>\n";
  }
  return out + "</div>\n";
}

std::string anchor_of(const std::string& title, std::size_t number) {
  std::string anchor;
  for (char c : plain_text(title)) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      anchor += char(std::tolower(static_cast<unsigned char>(c)));
    else if (!anchor.empty() && anchor.back() != '-')
      anchor += '-';
  }
  return fmt::format("s{}-{}", number, anchor);
}

// Custom properties of one theme; figure colours come from figure_style().
std::string theme_properties(bool dark) {
  return dark ? "color-scheme:dark;--text:#e8eaed;--muted:#9aa4b1;--paper:#15191f;--ground:#0e1116;--line:#2b313a;--"
                "link:#7cbcf0;"
                "--pass:#5fd3a5;--pass-back:#11322a;--fail:#ff9d80;--fail-back:#3c1e17;--warning:#f2c261;--warning-"
                "back:#352a12;--neutral-back:#222831;"
              : "color-scheme:light;--text:#1f2328;--muted:#59636e;--paper:#fff;--ground:#f5f6f8;--line:#dde1e6;--link:"
                "#0b62a8;"
                "--pass:#00664a;--pass-back:#e0f4ec;--fail:#a63a00;--fail-back:#fdeae0;--warning:#7a5200;--warning-"
                "back:#fdf3d9;--neutral-back:#eceff3;";
}

std::string page_style() {
  return ":root{" + theme_properties(false) + "}" +                                                            //
         "@media(prefers-color-scheme:dark){:root:not([data-theme=light]){" + theme_properties(true) + "}}" +  //
         ":root[data-theme=dark]{" + theme_properties(true) + "}" +                                            //
         R"css(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
main,header,footer,nav{max-width:860px;margin:0 auto;padding:0 24px}
header{padding-top:44px}
h1{font-size:2rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}
h2{font-size:1.35rem;line-height:1.3;margin:2.4rem 0 .6rem}
h3{font-size:1.08rem;margin:1.6rem 0 .4rem}
.result{font-size:1.15rem;margin:0 0 1rem;max-width:44em}
p{margin:.6rem 0;max-width:44em}
ul{max-width:44em;padding-left:1.3em}
a{color:var(--link)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.88em}
code{background:var(--neutral-back);border-radius:4px;padding:.08em .3em}
pre{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:12px 14px;overflow-x:auto;line-height:1.45}
math{font-family:"Latin Modern Math","STIX Two Math","Cambria Math","DejaVu Math TeX Gyre",math;font-size:1.06em}
math[display=block]{margin:.9rem 0;overflow-x:auto;overflow-y:hidden;padding:2px 0}
.chips{display:flex;flex-wrap:wrap;gap:8px;margin:.8rem 0}
.chip{display:inline-block;border-radius:999px;padding:.1em .7em;font-size:.86rem;font-weight:600;white-space:nowrap;background:var(--neutral-back);color:var(--text)}
.chips .chip{white-space:normal}
.chip.pass{background:var(--pass-back);color:var(--pass)}
.chip.fail{background:var(--fail-back);color:var(--fail)}
.chip.warning{background:var(--warning-back);color:var(--warning)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:1.2rem 0}
.fact{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:12px 14px;min-width:0}
.fact .value{font-size:1.6rem;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.fact.pass .value{color:var(--pass)}
.fact.fail .value{color:var(--fail)}
.fact.warning .value{color:var(--warning)}
.fact .label{color:var(--muted);font-size:.9rem}
.fact .note{color:var(--muted);font-size:.8rem;margin-top:2px}
figure{margin:1.4rem 0;background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:14px}
figure .picture{overflow-x:auto}
figure svg{display:block;width:100%;height:auto;margin:0 auto}
figcaption,caption{color:var(--muted);font-size:.92rem;line-height:1.45;text-align:left}
figcaption{margin-top:10px}
figcaption b,caption b{color:var(--text)}
.files{white-space:nowrap}
.table{overflow-x:auto;margin:1.2rem 0}
table{border-collapse:collapse;font-size:.94rem;font-variant-numeric:tabular-nums;min-width:50%}
caption{padding-bottom:6px}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line)}
th{font-weight:600;border-bottom:2px solid var(--line)}
.n{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:minmax(7em,max-content) 1fr;gap:4px 20px;font-size:.94rem;margin:1rem 0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
nav ol{columns:2;column-gap:32px;padding-left:1.4em;margin:.6rem 0;font-size:.95rem}
nav h2{margin-top:1.6rem;font-size:1rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:16px;margin:1.2rem 0}
.card{display:flex;flex-direction:column;background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:12px;text-decoration:none;color:var(--text)}
a.card:hover,a.card:focus{border-color:var(--link)}
.card svg{display:block;width:100%;height:auto;margin-bottom:8px}
.card b{display:block;line-height:1.3}
.card span.words{display:block;color:var(--muted);font-size:.9rem;line-height:1.4;margin:.2rem 0 .5rem}
.card .chip{align-self:flex-start;margin-top:auto}
footer{padding-top:20px;padding-bottom:48px;margin-top:3rem;color:var(--muted);font-size:.86rem;border-top:1px solid var(--line)}
footer dl{font-size:1em}
@media(max-width:600px){
main,header,footer,nav{padding-left:16px;padding-right:16px}
header{padding-top:24px}
h1{font-size:1.6rem}
figure{padding:8px;border-radius:8px}
figure svg{min-width:560px}
.facts{grid-template-columns:repeat(auto-fit,minmax(130px,1fr))}
nav ol{columns:1}
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:6px}
th,td{padding-right:10px}
}
@media print{
:root:root{)css" +
         theme_properties(false) + R"css(--ground:#fff}
body{font-size:10.5pt}
main,header,footer,nav{max-width:none;padding:0}
figure,.fact,table,pre,.card{break-inside:avoid}
h2,h3{break-after:avoid}
figure,.fact,pre{border-color:#bbb}
a{color:inherit}
}
)css";
}

}  // namespace

Cell::Cell(double value, int digits) : text_(format_number(value, digits)), number_(true) {}
Cell::Cell(int value) : text_(std::to_string(value)), number_(true) {}
Cell::Cell(long value) : text_(std::to_string(value)), number_(true) {}
Cell::Cell(Status status) : text_(word_of(status)), verdict_(true), status_(status) {}
Cell::Cell(Status status, std::string words) : text_(std::move(words)), verdict_(true), status_(status) {}

Section& Section::prose(const std::string& markup) {
  blocks_.emplace_back(prose_html(markup));
  return *this;
}
Section& Section::formula(const std::string& tex) {
  blocks_.emplace_back(turnpike::formula(tex, FormulaStyle::display) + "\n");
  return *this;
}
Section& Section::table(const Table& table) {
  blocks_.emplace_back(TableBlock{table_html(table), table.caption});
  return *this;
}
Section& Section::figure(const Figure& figure, const std::string& name) {
  const FigureOptions& o = figure.options();
  blocks_.emplace_back(FigureBlock{figure.inline_svg(), o.title, o.caption, name, o.width});
  return *this;
}
Section& Section::facts(const std::vector<Fact>& facts) {
  blocks_.emplace_back(facts_html(facts));
  return *this;
}
Section& Section::definitions(const std::vector<std::pair<std::string, std::string>>& terms) {
  std::string out = "<dl>\n";
  for (const auto& [term, meaning] : terms)
    out += "<dt>" + inline_html(term) + "</dt><dd>" + inline_html(meaning) + "</dd>\n";
  blocks_.emplace_back(out + "</dl>\n");
  return *this;
}
Section& Section::code(const std::string& text) {
  blocks_.emplace_back("<pre><code style=\"background:none;padding:0\">" + escape_xml(text) + "</code></pre>\n");
  return *this;
}
Section& Section::subsection(const std::string& title) {
  blocks_.emplace_back("<h3>" + inline_html(title) + "</h3>\n");
  return *this;
}
Section& Section::cards(const std::vector<Card>& cards) {
  std::string out = "<div class=\"cards\">\n";
  for (const Card& card : cards) {
    bool link = !card.address.empty();
    out += link ? fmt::format("<a class=\"card\" href=\"{}\">", escape_xml(card.address)) : "<div class=\"card\">";
    if (card.figure) out += card.figure->inline_svg();
    out += "<b>" + inline_html(card.title) + "</b><span class=\"words\">" + inline_html(card.text) + "</span>";
    bool silent = card.verdict.empty() && card.status == Status::neutral;
    if (!silent) out += chip(card.status, card.verdict.empty() ? word_of(card.status) : card.verdict);
    out += link ? "</a>\n" : "</div>\n";
  }
  blocks_.emplace_back(out + "</div>\n");
  return *this;
}

Page::Page(std::string title, std::string result) : title_(std::move(title)), result_(std::move(result)) {}

Page& Page::status(Status status, std::string words) {
  chips_.emplace_back(status, std::move(words));
  return *this;
}
Page& Page::fact(Fact fact) {
  facts_.push_back(std::move(fact));
  return *this;
}
Section& Page::section(std::string title) {
  sections_.push_back(Section(std::move(title)));
  return sections_.back();
}
Page& Page::footer(const Provenance& p) {
  std::string out = "<dl>\n";
  auto add = [&](const char* term, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", term, escape_xml(value));
  };
  add("Turnpike", p.version + (p.commit.empty() ? "" : " (" + p.commit + ")"));
  add("compiler", p.compiler);
  add("processor", p.processor + (p.dispatch.empty() ? "" : ", " + p.dispatch));
  add("threads", p.threads > 0 ? std::to_string(p.threads) : "");
  add("started", p.started);
  footers_.push_back(out + "</dl>\n");
  return *this;
}
Page& Page::footer(std::string markup) {
  footers_.push_back(prose_html(markup));
  return *this;
}

std::string Page::html(Theme theme) const {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"";
  if (theme != Theme::system) out += theme == Theme::dark ? " data-theme=\"dark\"" : " data-theme=\"light\"";
  out +=
      ">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"/>\n";
  out += "<title>" + escape_xml(plain_text(title_)) + "</title>\n<style>" + page_style() + figure_style() +
         "</style>\n</head>\n<body>\n";
  out += "<header>\n<h1>" + inline_html(title_) + "</h1>\n";
  if (!result_.empty()) out += "<p class=\"result\">" + inline_html(result_) + "</p>\n";
  if (!chips_.empty()) {
    out += "<div class=\"chips\">";
    for (const auto& [status, words] : chips_) out += chip(status, words);
    out += "</div>\n";
  }
  if (!facts_.empty()) out += facts_html(facts_);
  out += "</header>\n";
  if (sections_.size() > 4) {
    out += "<nav aria-label=\"Contents\"><h2>Contents</h2><ol>\n";
    for (std::size_t k = 0; k < sections_.size(); ++k) {
      out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", anchor_of(sections_[k].title_, k + 1),
                         inline_html(sections_[k].title_));
    }
    out += "</ol></nav>\n";
  }
  out += "<main>\n";
  std::size_t n_figures = 0, n_tables = 0;
  for (std::size_t k = 0; k < sections_.size(); ++k) {
    const Section& section = sections_[k];
    std::string anchor = anchor_of(section.title_, k + 1);
    out += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", anchor,
                       inline_html(section.title_));
    for (const auto& block : section.blocks_) {
      if (auto* html = std::get_if<std::string>(&block)) {
        out += *html;
      } else if (auto* table = std::get_if<Section::TableBlock>(&block)) {
        std::string caption =
            fmt::format("<caption><b>Table {}.</b> {}</caption>", ++n_tables, inline_html(table->caption));
        std::string html = table->html;
        if (!table->caption.empty())
          html.insert(std::string_view("<table>").size(), caption);
        else
          --n_tables;
        out += "<div class=\"table\">" + html + "</div>\n";
      } else if (auto* figure = std::get_if<Section::FigureBlock>(&block)) {
        out += fmt::format(
            "<figure id=\"figure-{}\"><div class=\"picture\" style=\"max-width:{}px;margin:0 auto\">{}</div>",
            n_figures + 1, int(figure->width), figure->svg);
        out += fmt::format("<figcaption><b>Figure {}.</b> ", ++n_figures);
        if (!figure->title.empty()) {
          out += "<b>" + inline_html(figure->title) +
                 (std::string_view(".?!").find(figure->title.back()) == std::string_view::npos ? "." : "") + "</b> ";
        }
        out += inline_html(figure->caption);
        if (!figure->name.empty()) {
          out += fmt::format(
              " <span class=\"files\"><a href=\"figures/{0}.svg\">figure</a> · <a "
              "href=\"data/{0}.csv\">data</a></span>",
              escape_xml(figure->name));
        }
        out += "</figcaption></figure>\n";
      }
    }
    out += "</section>\n";
  }
  out += "</main>\n";
  if (!footers_.empty()) {
    out += "<footer>\n";
    for (const std::string& footer : footers_) out += footer;
    out += "</footer>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace turnpike
