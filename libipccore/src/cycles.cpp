// SPDX-License-Identifier: MIT
#include "cycles.hpp"

#include <algorithm>
#include <map>

namespace ipc {
namespace {

/// Tarjan's strongly connected components, with a stack of its own in place of recursion.
class Components {
public:
    explicit Components(const Edges &edges) : edges_(edges), nodes_(edges.size())
    {
        for (std::size_t node = 0; node < edges.size(); node++)
            if (nodes_[node].order == 0)
                visit(node);
    }

    std::size_t component_of(std::size_t node) const { return nodes_[node].component; }

private:
    struct Node {
        std::size_t order = 0; // in which it was found, from 1 on
        std::size_t lowest = 0;
        std::size_t component = 0; // from 1 on; 0: still open
        std::size_t next_edge = 0;
    };

    void enter(std::size_t node)
    {
        nodes_[node].order = nodes_[node].lowest = ++found_;
        open_.push_back(node);
        path_.push_back(node);
    }

    void visit(std::size_t start)
    {
        enter(start);
        while (!path_.empty()) {
            const std::size_t at = path_.back();
            if (nodes_[at].next_edge < edges_[at].size())
                look(at, edges_[at][nodes_[at].next_edge++]);
            else
                leave(at);
        }
    }

    void look(std::size_t from, std::size_t to)
    {
        if (nodes_[to].order == 0)
            enter(to);
        else if (nodes_[to].component == 0)
            nodes_[from].lowest = std::min(nodes_[from].lowest, nodes_[to].order);
    }

    void leave(std::size_t node)
    {
        path_.pop_back();
        if (!path_.empty())
            nodes_[path_.back()].lowest = std::min(nodes_[path_.back()].lowest, nodes_[node].lowest);
        if (nodes_[node].lowest != nodes_[node].order)
            return;
        components_++;
        std::size_t member;
        do {
            member = open_.back();
            open_.pop_back();
            nodes_[member].component = components_;
        } while (member != node);
    }

    const Edges &edges_;
    std::vector<Node> nodes_;
    std::vector<std::size_t> open_, path_;
    std::size_t found_ = 0, components_ = 0;
};

} // namespace

std::vector<std::size_t> find_cycles(const Edges &edges)
{
    const Components components(edges);
    std::map<std::size_t, std::size_t> sizes, numbers;
    for (std::size_t node = 0; node < edges.size(); node++)
        sizes[components.component_of(node)]++;
    std::vector<std::size_t> cycles(edges.size());
    for (std::size_t node = 0; node < edges.size(); node++)
        if (const std::size_t component = components.component_of(node); sizes[component] > 1)
            cycles[node] = numbers.try_emplace(component, numbers.size() + 1).first->second;
    return cycles;
}

} // namespace ipc
