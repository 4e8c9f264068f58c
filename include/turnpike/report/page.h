// One self-contained, offline HTML page: no script, no request, light and dark, readable from 400 pixels up and on
// paper.
//
//   Page page("Turnpike", "The control decays like $e^{-0.41 t}$, as predicted.");
//   page.status(Status::pass, "3 of 3 checks").fact({"0.41", "decay rate per unit time"});
//   page.section("Result").prose("...").figure(figure, "decay").table({.head = {"quantity", "measured"}, .rows =
//   rows}); page.footer(provenance(2)); write_file("report.html", page.html());
//
// Text is markup (report/text.h); formulas become MathML (report/formula.h).
// Errors: ContractError for unknown commands in formulas, or rows of another length than the head.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <turnpike/base/provenance.h>
#include <turnpike/report/figure.h>

namespace turnpike {

enum class Status { pass, fail, warning, neutral };

// Text (markup), a number (aligned at its decimal point with the others of its column), or a verdict in words and
// colour.
class Cell {
 public:
  Cell(const char* markup) : text_(markup) {}
  Cell(std::string markup) : text_(std::move(markup)) {}
  Cell(double value, int digits = 4);
  Cell(int value);
  Cell(long value);
  Cell(Status status);  // "pass", "fail", "warning", "-"
  Cell(Status status, std::string words);

  const std::string& text() const { return text_; }
  bool is_number() const { return number_; }
  const Status* status() const { return verdict_ ? &status_ : nullptr; }

 private:
  std::string text_;
  bool number_ = false, verdict_ = false;
  Status status_ = Status::neutral;
};

struct Table {
  std::vector<std::string> head{};
  std::vector<std::vector<Cell>> rows{};
  std::string caption{};
};

// A big number with what it means.
struct Fact {
  std::string value{}, label{};
  std::string note{};  // small, below: an interval, a comparison
  Status status = Status::neutral;
};

// One tile of an index: a small figure that links to its page.
struct Card {
  std::string title{}, text{};
  std::string address{};  // relative link
  Status status = Status::neutral;
  std::string verdict{};  // words of the chip; "" for the status's own
  const Figure* figure = nullptr;
};

class Section {
 public:
  Section& prose(const std::string& markup);
  Section& formula(const std::string& tex);
  Section& table(const Table& table);
  // Numbered. With a name, links to figures/<name>.svg and data/<name>.csv stand below (RunFolder writes them).
  Section& figure(const Figure& figure, const std::string& name = {});
  Section& facts(const std::vector<Fact>& facts);
  Section& definitions(const std::vector<std::pair<std::string, std::string>>& terms);  // settings: name, value
  Section& code(const std::string& text);  // verbatim: the command that runs this again
  Section& cards(const std::vector<Card>& cards);
  Section& subsection(const std::string& title);

 private:
  friend class Page;
  struct FigureBlock {
    std::string svg, title, caption, name;
    double width;
  };
  struct TableBlock {
    std::string html, caption;
  };
  explicit Section(std::string title) : title_(std::move(title)) {}
  std::string title_;
  std::vector<std::variant<std::string, FigureBlock, TableBlock>> blocks_;
};

class Page {
 public:
  Page(std::string title, std::string result);  // `result`: one sentence

  Page& status(Status status, std::string words);  // a chip below the result
  Page& fact(Fact fact);                           // a card below the chips
  Section& section(std::string title);             // the reference stays valid
  Page& footer(const Provenance& provenance);
  Page& footer(std::string markup);

  std::string html(Theme theme = Theme::system) const;

 private:
  std::string title_, result_;
  std::vector<std::pair<Status, std::string>> chips_;
  std::vector<Fact> facts_;
  std::deque<Section> sections_;
  std::vector<std::string> footers_;
};

}  // namespace turnpike
