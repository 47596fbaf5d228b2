//! The arrangement of views: tabs, splits, what is closed and can be opened again.

use egui_tiles::{Container, ContainerKind, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use crate::pane::Pane;

/// Closed views that can be brought back.
const HISTORY: usize = 20;

/// The arrangement.
pub struct Dock {
    tree: Tree<Pane>,
    before_closing: Vec<Tree<Pane>>,
}

impl Default for Dock {
    fn default() -> Self {
        Self { tree: standard(), before_closing: Vec::new() }
    }
}

/// Tabs for all questions; the timeline shares its tab with what ran and with the details.
fn standard() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let timeline = tiles.insert_pane(Pane::Timeline);
    let operations = tiles.insert_pane(Pane::Operations);
    let details = tiles.insert_pane(Pane::Details);
    let left = split(&mut tiles, LinearDir::Vertical, [timeline, operations], 0.7);
    let middle = split(&mut tiles, LinearDir::Horizontal, [left, details], 0.78);
    let mut tabs = vec![tiles.insert_pane(Pane::Overview), middle];
    for pane in Pane::ALL {
        if !matches!(pane, Pane::Overview | Pane::Timeline | Pane::Operations | Pane::Details) {
            tabs.push(tiles.insert_pane(pane));
        }
    }
    let root = tiles.insert_tab_tile(tabs);
    Tree::new(egui::Id::unique("perfagent views"), root, tiles)
}

fn split(tiles: &mut Tiles<Pane>, dir: LinearDir, children: [TileId; 2], share: f32) -> TileId {
    tiles.insert_container(Linear::new_binary(dir, children, share))
}

impl Dock {
    /// An arrangement that was stored, when it still holds views at all.
    #[must_use]
    pub fn restored(tree: Tree<Pane>) -> Self {
        if tree.is_empty() {
            return Self::default();
        }
        Self { tree, before_closing: Vec::new() }
    }

    /// The arrangement, to be stored or shown.
    #[must_use]
    pub const fn tree(&self) -> &Tree<Pane> {
        &self.tree
    }

    /// Shows all views by means of `behavior`.
    pub fn show(&mut self, ui: &mut egui::Ui, behavior: &mut dyn egui_tiles::Behavior<Pane>) {
        self.tree.ui(behavior, ui);
    }

    /// True while a view has a place, be it behind another tab.
    #[must_use]
    pub fn has(&self, pane: Pane) -> bool {
        self.tree.tiles.find_pane(&pane).is_some()
    }

    /// True while a view can be seen.
    #[must_use]
    pub fn shows(&self, pane: Pane) -> bool {
        self.tree
            .tiles
            .find_pane(&pane)
            .is_some_and(|tile| self.tree.active_tiles().contains(&tile))
    }

    /// Views that stand beside others without a tab of their own, but for the timeline, whose rows say
    /// what it is.
    #[must_use]
    pub(crate) fn untabbed(&self) -> Vec<Pane> {
        let tiles = &self.tree.tiles;
        let tabbed = |tile: TileId| match tiles.parent_of(tile).and_then(|parent| tiles.get(parent))
        {
            Some(Tile::Container(container)) => container.kind() == ContainerKind::Tabs,
            _ => false,
        };
        tiles
            .iter()
            .filter_map(|(&tile, found)| match found {
                Tile::Pane(pane) if *pane != Pane::Timeline && !tabbed(tile) => Some(*pane),
                _ => None,
            })
            .collect()
    }

    /// Brings a view to the front; one that was closed gets a tab.
    pub fn open(&mut self, pane: Pane) {
        if !self.has(pane) {
            let tile = self.tree.tiles.insert_pane(pane);
            let root = self.tree.root();
            if let Some(Tile::Container(container)) =
                root.and_then(|root| self.tree.tiles.get_mut(root))
            {
                container.add_child(tile);
            } else {
                let children = root.into_iter().chain([tile]).collect();
                self.tree.root = Some(self.tree.tiles.insert_tab_tile(children));
            }
        }
        self.tree.make_active(|_, tile| *tile == Tile::Pane(pane));
    }

    /// Takes a view away; [`Self::reopen`] brings it back to its place.
    pub fn close(&mut self, pane: Pane) {
        if let Some(tile) = self.tree.tiles.find_pane(&pane) {
            self.before_closing.push(self.tree.clone());
            if self.before_closing.len() > HISTORY {
                self.before_closing.remove(0);
            }
            self.tree.remove_recursively(tile);
            if self.tree.tiles.is_empty() {
                self.tree.root = None;
            }
        }
    }

    /// Opens a view that cannot be seen, closes one that can.
    pub fn toggle(&mut self, pane: Pane) {
        if self.shows(pane) {
            self.close(pane);
        } else {
            self.open(pane);
        }
    }

    /// Undoes the last closing.
    pub fn reopen(&mut self) {
        if let Some(before) = self.before_closing.pop() {
            self.tree = before;
        }
    }

    /// Goes back to the arrangement that the window came with.
    pub fn reset(&mut self) {
        self.before_closing.push(std::mem::replace(&mut self.tree, standard()));
    }
}

/// The title of the tab of a tile: that of its first view.
pub(crate) fn title(tiles: &Tiles<Pane>, tile: TileId) -> &'static str {
    match tiles.get(tile) {
        Some(Tile::Pane(pane)) => pane.title(),
        Some(Tile::Container(container)) => {
            first(container).map_or("Empty", |tile| title(tiles, tile))
        }
        None => "Empty",
    }
}

fn first(container: &Container) -> Option<TileId> {
    container.children().next().copied()
}

#[cfg(test)]
mod tests {
    use super::Dock;
    use crate::pane::Pane;

    #[test]
    fn every_view_has_a_place_at_first() {
        let dock = Dock::default();
        assert!(Pane::ALL.into_iter().all(|pane| dock.has(pane)));
    }

    #[test]
    fn a_closed_view_comes_back_where_it_was() {
        let mut dock = Dock::default();
        let before = dock.tree().clone();
        dock.close(Pane::Operations);
        dock.close(Pane::Details);
        assert!(!dock.has(Pane::Operations) && !dock.has(Pane::Details));
        dock.reopen();
        dock.reopen();
        assert!(*dock.tree() == before);
    }

    #[test]
    fn a_window_whose_views_are_all_closed_opens_one_again() {
        let mut dock = Dock::default();
        for pane in Pane::ALL {
            dock.close(pane);
        }
        assert!(Pane::ALL.into_iter().all(|pane| !dock.has(pane)));
        dock.open(Pane::Memory);
        dock.open(Pane::Fleet);
        assert!(dock.has(Pane::Memory) && dock.has(Pane::Fleet));
    }

    #[test]
    fn an_arrangement_survives_being_stored() {
        let mut dock = Dock::default();
        dock.close(Pane::Fleet);
        let text = serde_json::to_string(dock.tree()).unwrap();
        let restored = Dock::restored(serde_json::from_str(&text).unwrap());
        assert!(!restored.has(Pane::Fleet) && restored.has(Pane::Advisor));
    }
}
