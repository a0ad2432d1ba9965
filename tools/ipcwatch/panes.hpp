// SPDX-License-Identifier: MIT
// What lies over the table for a while and takes the keys: pages to read, lists to choose from, questions.
#pragma once

#include "drawing.hpp"
#include "snapshot.hpp"
#include "terminal.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ipc::watch {

class Pane {
public:
    virtual ~Pane() = default;
    virtual void draw(const Area &screen) = 0;
    /// False when the pane has done its work.
    virtual bool press(Key key) = 0;
};

/// Lines of text to read; closed by any key that does not scroll.
std::unique_ptr<Pane> page(std::string title, std::vector<std::string> paragraphs);

/// One of several lines, `first` selected; Enter calls `choose` with its index.
std::unique_ptr<Pane> chooser(std::string title, std::vector<std::string> lines, std::size_t first,
                              std::function<void(std::size_t)> choose);

/// A line to write in, at the foot of the screen. `change` is called with the text at every key and at
/// Enter; Escape calls it with the text as it was.
std::unique_ptr<Pane> prompt(std::string label, std::string text, std::function<void(const std::string &)> change);

/// Asks whether `object` shall go, and once more if somebody holds it; then removes it. `tell` receives what came of
/// it.
std::unique_ptr<Pane> removal(Object object, std::function<void(const std::string &)> tell);

} // namespace ipc::watch
